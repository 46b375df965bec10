package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"

	"chop/registration"
	"chop/registration/face"
	"chop/registration/face/nets"
	"chop/registration/hkic"
	"chop/registration/immd"
	"chop/registration/ocr"
	"chop/registration/photos"
)

// offerPhones makes what registration on phones needs; only a server holds photos. What is not installed is
// not offered, and the page says where to go instead. It returns what is to run beside.
func (a *appliance) offerPhones(ctx context.Context) (run func(context.Context) error, _ error) {
	policy, err := a.policies.Face("remote")
	if err != nil {
		return nil, err
	}
	weights, err := a.faceWeights()
	if err != nil {
		return nil, err
	}
	if weights == nil {
		a.log.Warn("registration on phones is not offered: the face nets' weights are not installed", "hint", "make face")
		return nil, nil
	}
	engine, err := nets.New(nets.Config{Files: weights})
	closeFiles(weights)
	if err != nil {
		return nil, err
	}
	kept, err := photos.New(photos.Config{Now: now})
	if err != nil {
		a.log.Warn("registration on phones is not offered: memory cannot be locked", "error", err)
		return nil, nil
	}
	a.phones = &registration.RemoteConfig{Faces: phoneFaces{engine, policy}, Photos: phonePhotos{kept}, Tries: policy.Tries}
	if reader, err := ocr.New(ocr.Config{}); err == nil {
		a.phones.Cards = phoneCards{reader}
	} else {
		a.log.Warn("photos of cards are not read, and all is typed", "error", err)
	}
	return func(ctx context.Context) error { kept.Run(ctx); return kept.Close() }, nil
}

// faceWeights opens the face nets' weights, or takes those that were handed over; nil where none are installed.
func (a *appliance) faceWeights() ([]*os.File, error) {
	if a.handed != nil {
		return a.weights, nil
	}
	weights, err := nets.Open(a.config.Registration.FaceWeights)
	if errors.Is(err, nets.ErrNoWeights) && a.config.Registration.FaceWeights == "" {
		return nil, nil
	}
	return weights, err
}

// phonePhotos speaks registration's errors.
type phonePhotos struct{ *photos.Store }

func (p phonePhotos) Open(caseID, name string) ([]byte, error) {
	b, err := p.Store.Open(caseID, name)
	if errors.Is(err, photos.ErrGone) {
		err = fmt.Errorf("%w: %w", registration.ErrNoPhoto, err)
	}
	return b, err
}

// phoneCards reads cards by tesseract.
type phoneCards struct{ reader *ocr.Reader }

func (c phoneCards) Read(ctx context.Context, picture []byte) (registration.CardText, error) {
	p, err := face.Decode(picture)
	if err != nil {
		return registration.CardText{}, err
	}
	defer p.Wipe()
	var m image.Image = p.Reduced(face.Longest)
	s, err := c.reader.Read(ctx, m, now())
	if err != nil {
		return registration.CardText{}, err
	}
	t := registration.CardText{Number: s.Number.Secret(), Surname: s.Surname, GivenNames: s.GivenNames, ChineseName: s.ChineseName, Gender: s.Gender}
	if !s.Birth.IsZero() {
		t.Birth = s.Birth.String()
	}
	if !s.Issued.IsZero() {
		t.Issued = s.Issued.String()
	}
	return t, nil
}

// portraits asks the Immigration Department.
type portraits struct{ client *immd.Client }

func (p portraits) MatchPortrait(ctx context.Context, card hkic.Card, reference string, selfie []byte) (registration.Match, []byte, error) {
	a, err := p.client.MatchPortrait(ctx, immd.Query{Card: card, Reference: reference}, immd.Sample{Type: immd.SampleJPEG, Data: selfie})
	if err != nil {
		return "", nil, err
	}
	words := map[immd.Result]registration.Match{immd.Pass: registration.MatchPass, immd.Refer: registration.MatchRefer, immd.Fail: registration.MatchFail}
	return words[a.Result], a.Signed, nil
}
