package hsm

import "errors"

// Uses are what whoever reaches a launched worker may do with the token. Nothing among it makes a key, of whatever
// kind, or destroys one: who has taken over the caller would fill the token, put keys of their own beside ours, or end
// what was sealed.
type Uses byte

const (
	// UseKeys: find key pairs, and sign by them.
	UseKeys Uses = 1 << iota
	// UseSealers: seal and open, under sealing keys that are there.
	UseSealers
	// UseVaults: sign by wrapped keys, under key-encryption keys that are there.
	UseVaults

	everyUse = UseKeys | UseSealers | UseVaults
)

// errUseOnly is for whoever was connected by a launcher.
var errUseOnly = errors.New("this token's keys are for use only here, and for one use: the command line makes and destroys them")

func (u Uses) allow(op op) bool {
	switch op {
	case opKey, opKeys, opSign:
		return u&UseKeys != 0
	case opSealer, opSeal, opOpen:
		return u&UseSealers != 0
	case opVault, opUseSign, opUseAgain, opUseEnd:
		return u&UseVaults != 0
	}
	return false
}
