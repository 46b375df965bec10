// Package strangers holds no code: its test has other people's Java judge what our
// signer makes. Judge.java is one program for all formats, run once for all files:
// PDFBox and Bouncy Castle on PAdES, Bouncy Castle on CAdES, Apache Santuario on XAdES.
// It wants the build tag java, because a Java compiler is much to install: make soak.
package strangers
