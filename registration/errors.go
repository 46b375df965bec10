package registration

import (
	"errors"

	"chop/registration/attempts"
	"chop/registration/officers"
)

var (
	// ErrState says that the case or the account is not in a state that allows the act.
	ErrState = errors.New("not possible in this state")
	// ErrForbidden says that the caller may not do this: role, shift, place or person.
	ErrForbidden = officers.ErrForbidden
	// ErrFourEyes says that the act needs another officer than the one who acts.
	ErrFourEyes = officers.ErrFourEyes
	// ErrSelf says that an officer works on their own account or case.
	ErrSelf = errors.New("officers do not work on their own account")
	// ErrNoCase says that there is no such case at this place.
	ErrNoCase = errors.New("no such case")
	// ErrNoAccount says that there is no such account.
	ErrNoAccount = errors.New("no such account")
	// ErrRegistered says that the person has an account, or a case that is under way.
	ErrRegistered = errors.New("person has an account or an open case")
	// ErrContact says that a telephone number or an e-mail address has no usable form.
	ErrContact = errors.New("telephone number or e-mail address not understood")
	// ErrImmigration says that the Immigration Department could not be asked, or
	// did not answer in a way that can be relied upon. The case waits.
	ErrImmigration = errors.New("immigration department is not available")
	// ErrRefused says that Immigration's answer, or the age, ended the case.
	ErrRefused = errors.New("case was refused")
	// ErrToken says that a QR code's token is unknown, used or too late, or comes from elsewhere.
	ErrToken = errors.New("code is not valid any more")
	// ErrNumber says that the two-digit number differs; the scan is void.
	ErrNumber = errors.New("number differs")
	// ErrAgreement says that the accepted text is not the present one.
	ErrAgreement = errors.New("agreement is not the present one")
	// ErrNotReady says that the phone has not come so far yet.
	ErrNotReady = errors.New("phone is not ready")
	// ErrAssertion says that an officer's passkey did not sign this.
	ErrAssertion = officers.ErrAssertion
	// ErrProof says that a caller is not verified. It never says which item was wrong.
	ErrProof = errors.New("caller is not verified")
	// ErrTooMany says that a limit is reached; it is reported to supervisors.
	ErrTooMany = attempts.ErrTooMany
	// ErrActivation says that the activation process could not be asked.
	ErrActivation = errors.New("activation process is not available")
	// ErrUnfinished says that an act is decided and recorded, that a party did not
	// answer, and that it is being completed: show it as done with a remark.
	ErrUnfinished = errors.New("decided, and being completed")
	// ErrPermanent is what an Activation or Certificates returns, wrapped, for what it refuses for good.
	ErrPermanent = errors.New("refused for good")
	// ErrNoEnrolment is what an Activation returns, wrapped, for an enrolment that it does not know any more.
	ErrNoEnrolment = errors.New("no such enrolment")
	// ErrNoRemote says that registration on a person's own phone is not offered here.
	ErrNoRemote = errors.New("registration on a phone is not offered")
	// ErrNotice says that the collection notice that was accepted is not the present one.
	ErrNotice = errors.New("collection notice is not the present one")
	// ErrPicture is for bytes that are no picture within the limits.
	ErrPicture = errors.New("picture cannot be used")
	// ErrNoFace, ErrManyFaces, ErrSmallFace and ErrDark say why a picture shows no face that can be compared.
	ErrNoFace    = errors.New("no face in the picture")
	ErrManyFaces = errors.New("more than one face in the picture")
	ErrSmallFace = errors.New("face is too small in the picture")
	ErrDark      = errors.New("picture is too dark")
	// ErrTry says that a try with the face is over and did not succeed: late, a frame that was not asked for, another
	// face, or not the face on the card. Begin another.
	ErrTry = errors.New("the try with the face is over")
	// ErrNoPhoto is what Photos returns, wrapped, for a picture that is erased or was never kept.
	ErrNoPhoto = errors.New("no such photo")
	// ErrPasskey says that a passkey is another account's, or the last one.
	ErrPasskey = errors.New("passkey cannot be changed so")
)
