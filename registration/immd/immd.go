// Package immd is the client of the Immigration Department's records.
package immd

// Client asks over mutual TLS and believes only signed answers.
type Client struct{}
