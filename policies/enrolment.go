package policies

import (
	"errors"
	"fmt"
	"slices"
)

// EnrolmentStatement is the enrolment of a profile under which a certificate is issued
// against the activation process's signed statement alone.
const EnrolmentStatement = "statement"

// NeedsStatement reports whether the profile is issued against a statement alone.
func (p *Profile) NeedsStatement() bool { return p.Enrolment == EnrolmentStatement }

// PasskeyRule says which passkeys may approve with a certificate's key.
type PasskeyRule struct {
	// BackupEligible is about passkeys that a cloud account may synchronise: "refuse", or
	// "with-device-key".
	BackupEligible string `yaml:"backup_eligible"`
	// Attestation is "none", "recorded" or "listed".
	Attestation string `yaml:"attestation"`
}

// Accepts reports whether a passkey of that kind may be enrolled under the rule.
func (r *PasskeyRule) Accepts(backupEligible, deviceKey bool) bool {
	if r.BackupEligible == "with-device-key" {
		return deviceKey
	}
	return !backupEligible
}

func (p *Profile) resolveEnrolment() error {
	switch {
	case p.Enrolment != "" && p.Enrolment != EnrolmentStatement:
		return fmt.Errorf("enrolment %q", p.Enrolment)
	case p.NeedsStatement() != (p.Passkey != nil):
		return errors.New("enrolment and passkey go together")
	case p.Passkey == nil:
		return nil
	case !slices.Contains([]string{"refuse", "with-device-key"}, p.Passkey.BackupEligible):
		return fmt.Errorf("passkey's backup_eligible %q", p.Passkey.BackupEligible)
	case !slices.Contains([]string{"none", "recorded", "listed"}, p.Passkey.Attestation):
		return fmt.Errorf("passkey's attestation %q", p.Passkey.Attestation)
	}
	return nil
}
