package main

import (
	"errors"

	"chop/signer"
)

// declareFlags name a signature policy in what is signed.
type declareFlags struct {
	DeclarePolicy  string `placeholder:"OID" help:"Name this signature policy in the signature, so that who validates knows what it is to satisfy (docs/signature-policies.md)."`
	PolicyDocument string `placeholder:"FILE" help:"The document of that policy; its digest is signed."`
	PolicyURI      string `name:"policy-uri" placeholder:"URI" help:"Where it can be read."`
}

func (f *declareFlags) policy() (*signer.DeclaredPolicy, error) {
	switch {
	case f.DeclarePolicy == "" && f.PolicyDocument == "" && f.PolicyURI == "":
		return nil, nil
	case f.DeclarePolicy == "" || f.PolicyDocument == "":
		return nil, unusable(errors.New("a signature policy is an identifier and a document"), "give both --declare-policy and --policy-document")
	}
	return &signer.DeclaredPolicy{OID: f.DeclarePolicy, Document: f.PolicyDocument, URL: f.PolicyURI}, nil
}
