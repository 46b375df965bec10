package desk

import "chop/internal/solecontrol"

// encode writes bytes as pages and passkeys do: base64url without padding.
func encode(b []byte) string { return solecontrol.Bytes(b).String() }
