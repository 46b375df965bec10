package immd

import (
	"context"
	"errors"
	"slices"

	"chop/internal/solecontrol"
)

// The results of a portrait match.
const (
	Pass  Result = "pass"  // the face is the portrait's
	Refer Result = "refer" // a person is to decide
	Fail  Result = "fail"  // it is not; or there is no such person on record
)

// The kinds of sample.
const (
	SampleJPEG       = "image/jpeg"      // a selfie
	SampleDescriptor = "face-descriptor" // what an engine made of one, in that engine's form
)

// maxSample bounds a sample, in bytes.
const maxSample = 512 << 10

// Sample is the face that somebody shows. It is sent, compared and forgotten: neither
// the client nor the reference server keeps or logs it.
type Sample struct {
	Type string // SampleJPEG or SampleDescriptor
	Data []byte // at most 512 KiB
}

func (s Sample) check() error {
	switch {
	case !slices.Contains([]string{SampleJPEG, SampleDescriptor}, s.Type):
		return errors.New("sample has an unknown type")
	case len(s.Data) == 0 || len(s.Data) > maxSample:
		return errors.New("sample is empty or too long")
	}
	return nil
}

// portraitQuestion is the request's JSON.
type portraitQuestion struct {
	Person question          `json:"person"`
	Type   string            `json:"type"`
	Sample solecontrol.Bytes `json:"sample"`
}

// MatchPortrait asks whether a face is that of the person's portrait, which stays with
// the department: the answer is Pass, Refer or Fail. Ask Verify first: about data that
// are not on record the answer is Fail. ErrUnavailable as of Verify.
func (c *Client) MatchPortrait(ctx context.Context, q Query, s Sample) (*Answer, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	want, err := Subject(q.Card, q.Reference).Digest()
	if err != nil {
		return nil, err
	}
	return c.persist(ctx, func(ctx context.Context) (*Answer, error) {
		asked := portraitQuestion{Person: q.question(), Type: s.Type, Sample: s.Data}
		body, err := solecontrol.Encode(asked)
		if err != nil {
			return nil, err
		}
		return c.ask(ctx, "portrait", body, asked.Person.Request, want[:])
	})
}
