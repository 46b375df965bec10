package xmldsig

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/lestrrat-go/helium"
	"github.com/lestrrat-go/helium/xpath1"
)

// CanonicalizeVector canonicalises an input of other people's test vectors by the
// method with this identifier: the whole document, or the node-set of an XPath
// expression, as Santuario's files hold it. It parses permissively and evaluates the
// expression, and so is for vectors alone; nothing that is validated comes here.
func CanonicalizeVector(input []byte, method, expression string) ([]byte, error) {
	m, err := ParseC14N(method)
	if err != nil {
		return nil, err
	}
	// world.txt is the one external entity of the examples of Canonical XML.
	tree, err := helium.NewParser().SubstituteEntities(true).DefaultDTDAttributes(true).LoadExternalDTD(true).BlockXXE(false).
		FS(fstest.MapFS{"world.txt": {Data: []byte("world")}}).BaseURI("doc.xml").Parse(context.Background(), input)
	if err != nil {
		return nil, fmt.Errorf("parse vector: %w", err)
	}
	var out bytes.Buffer
	c := &canonicalizer{C14N: m, w: &out, in: func(Node) bool { return true }}
	if expression != "" {
		if c.in, c.inNS, err = evaluateVector(tree, expression); err != nil {
			return nil, err
		}
	}
	c.document(tree)
	return out.Bytes(), nil
}

var (
	vectorPrefix  = regexp.MustCompile(`xmlns:(\w+)="([^"]*)"`)
	vectorComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	vectorTag     = regexp.MustCompile(`(?s)^\s*<[^>]*>|</[^>]*>\s*$`)
	vectorEscapes = strings.NewReplacer("&gt;", ">", "&lt;", "<", "&amp;", "&", "&quot;", `"`)
)

// evaluateVector returns the membership of the node-set of an XPath expression, which
// may stand in an element that declares its prefixes.
func evaluateVector(tree *helium.Document, text string) (in func(Node) bool, inNS func(*Element, string) bool, err error) {
	bound := map[string]string{"ietf": "http://www.ietf.org"}
	for _, m := range vectorPrefix.FindAllStringSubmatch(text, -1) {
		bound[m[1]] = m[2]
	}
	text = vectorEscapes.Replace(vectorTag.ReplaceAllString(vectorComment.ReplaceAllString(text, ""), ""))
	expr, err := xpath1.Compile(text)
	if err != nil {
		return nil, nil, fmt.Errorf("node-set of vector: %w", err)
	}
	nodes, err := xpath1.NewEvaluator().Namespaces(bound).Find(context.Background(), expr, tree)
	if err != nil {
		return nil, nil, fmt.Errorf("node-set of vector: %w", err)
	}
	type namespace struct {
		owner  Node
		prefix string
	}
	set, spaces := map[Node]bool{}, map[namespace]bool{}
	for _, n := range nodes {
		if n.Type() == helium.NamespaceNode {
			spaces[namespace{n.Parent(), n.Name()}] = true
		} else {
			set[n] = true
		}
	}
	return func(n Node) bool { return set[n] }, func(e *Element, p string) bool { return spaces[namespace{e, p}] }, nil
}
