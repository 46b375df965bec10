package policies

import (
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"
)

// parseOID reads a dotted object identifier of at least two arcs.
func parseOID(s string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || (len(part) > 1 && part[0] == '0') {
			return nil, fmt.Errorf("%q is not a dotted object identifier", s)
		}
		oid = append(oid, int(n))
	}
	if len(oid) < 2 || oid[0] > 2 || (oid[0] < 2 && oid[1] > 39) {
		return nil, fmt.Errorf("%q is not a dotted object identifier", s)
	}
	return oid, nil
}

// under resolves an identifier of the files, "1.2", below the arc.
func under(arc asn1.ObjectIdentifier, rel string) (asn1.ObjectIdentifier, error) {
	oid, err := parseOID(arc.String() + "." + rel)
	if err != nil {
		return nil, fmt.Errorf("oid %q: %w", rel, err)
	}
	return oid, nil
}
