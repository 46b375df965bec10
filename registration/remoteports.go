package registration

import (
	"context"
	"errors"
	"time"

	"chop/registration/hkic"
)

// RemoteConfig is what registration on a person's own phone needs.
type RemoteConfig struct {
	Faces     Faces
	Photos    Photos
	Portraits Portraits
	// Cards suggests what a card's photo says; nil: nothing is suggested, and all is typed.
	Cards CardReader
	// Tries is how often a case may try with the face; after that it is for a counter.
	Tries int
}

func (c *RemoteConfig) check() error {
	if c.Faces == nil || c.Photos == nil || c.Portraits == nil || c.Tries < 1 {
		return errors.New("new registry: Remote wants Faces, Photos, Portraits and Tries")
	}
	return nil
}

// Match is a comparison of two faces.
type Match string

// The outcomes of a comparison. Between the thresholds, a person decides.
const (
	MatchPass  Match = "pass"
	MatchRefer Match = "refer"
	MatchFail  Match = "fail"
)

// Faces sees faces in pictures. It keeps nothing but in a Challenge.
type Faces interface {
	// Card looks for the one portrait on a photographed card, and gives the picture
	// encoded anew: pixels, and nothing else that was in the file. ErrPicture, ErrNoFace,
	// ErrManyFaces, ErrSmallFace, ErrDark.
	Card(ctx context.Context, picture []byte) (clean []byte, err error)
	// Challenge makes a challenge that nobody could know before.
	Challenge(now time.Time) Challenge
}

// Challenge asks a person before a camera for poses, one after the other. It belongs to
// one request at a time, and lies in memory only.
type Challenge interface {
	// Step is what is asked now.
	Step() FaceStep
	// Take judges a frame, a JPEG. A frame that does not show what is asked is no error: Said of the
	// step says why, and the same is asked again. ErrTry: the challenge is over, and failed.
	Take(ctx context.Context, nonce string, frame []byte, now time.Time) (FaceStep, error)
	// Match compares who stood before the camera with the portrait on a card's photo, once
	// the challenge has passed.
	Match(ctx context.Context, card []byte) (Match, error)
	// Wipe forgets the face.
	Wipe()
}

// FaceStep is what a page is to ask next.
type FaceStep struct {
	Pose     string    // one of Poses
	Nonce    string    // the next frame carries it; good for one
	Deadline time.Time // until when the pose must have been taken
	Step, Of int       // from 1
	// Said is why the frame before did not count, one of FaceHints; empty: it did.
	Said string
	// Passed says that all poses were taken.
	Passed bool
}

// Poses are what is asked; the first is always PoseFront.
var Poses = []string{PoseFront, "left", "right", "blink"}

// PoseFront is looking into the camera: the frame in which it was taken is the selfie.
const PoseFront = "front"

// FaceHints are the words of FaceStep.Said.
var FaceHints = []string{"picture", "no-face", "many-faces", "small", "dark", "pose"}

// The pictures of a case.
const (
	PhotoCard   = "card"
	PhotoSelfie = "selfie"
)

// Photos holds pictures while a case needs them, out of backups and logs; they go with the process.
type Photos interface {
	// Keep holds a case's pictures by name, until then at most, in place of those that it had, and
	// overwrites what it was given.
	Keep(caseID string, until time.Time, pictures map[string][]byte) error
	// Open gives one; the caller overwrites it after use. ErrNoPhoto once it is erased, or lost with a process.
	Open(caseID, name string) ([]byte, error)
	// Has says whether a case's pictures are still held.
	Has(caseID string) bool
	// Erase overwrites a case's pictures and their key. It may be repeated.
	Erase(caseID string)
}

// CardReader reads what a photographed card says, as well as it can.
type CardReader interface {
	Read(ctx context.Context, picture []byte) (CardText, error)
}

// CardText is a card's data as text: read by a machine or typed by a person, and checked by nobody yet.
type CardText struct {
	Number, Surname, GivenNames, ChineseName string
	Birth, Issued                            string // YYYY-MM-DD
	Gender                                   string // M, F or empty
}

// Portraits compares a selfie with the portrait that the Immigration Department holds; the portrait stays there.
type Portraits interface {
	// MatchPortrait gives the department's word, and its signed answer. Errors are as of
	// immd.Client: everything that is not its answer to this question is immd.ErrUnavailable.
	MatchPortrait(ctx context.Context, card hkic.Card, reference string, selfie []byte) (Match, []byte, error)
}
