package registration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/registration/hkic"
)

// fieldSuggested is what a machine read from the card's photo, until the person confirms their data.
const fieldSuggested = "suggested"

// RemotePhoto takes the photo of the card, and keeps what a machine reads from it as suggestions.
// Another photo replaces it. ErrPicture, ErrNoFace, ErrManyFaces, ErrSmallFace, ErrDark: nothing changed; ErrTooMany.
func (r *Registry) RemotePhoto(ctx context.Context, browser string, picture []byte) (*RemoteCase, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return nil, err
	}
	if _, err := next("remote", row.State, actPicture); err != nil {
		return nil, err
	}
	if err := r.attempts.Take(ctx, limitRemotePhoto, row.ID, who(remoteCaller(value(row.Account)))); err != nil {
		return nil, err
	}
	clean, err := r.cfg.Remote.Faces.Card(ctx, picture)
	if err != nil {
		return nil, err
	}
	defer clear(clean)
	said, err := json.Marshal(r.suggest(ctx, row, clean))
	if err != nil {
		return nil, err
	}
	sealed, err := r.people.Prepare(ctx, value(row.Account), map[string]string{fieldSuggested: string(said)}, nil)
	if err != nil {
		return nil, err
	}
	r.tries.end(row.ID) // a challenge that ran is not for this photo
	if err := r.keepPhotos(ctx, row, map[string][]byte{PhotoCard: clean}); err != nil {
		return nil, err
	}
	err = r.stepRemote(ctx, row, actPicture, func(tx postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		return []audit.Event{r.event(remoteCaller(value(c.Account)), "registration.remote-picture", caseSubject(c.ID), "", nil)}, r.people.Put(ctx, tx, sealed)
	})
	if err != nil {
		return nil, wrap("take the card's photo", err)
	}
	return r.showRemote(ctx, row)
}

// suggest reads a photo as well as it can. What a machine cannot read is typed: that is no failure.
func (r *Registry) suggest(ctx context.Context, row *remoteRow, picture []byte) CardText {
	if r.cfg.Remote.Cards == nil {
		return CardText{}
	}
	said, err := r.cfg.Remote.Cards.Read(ctx, picture)
	if err != nil {
		r.cfg.Log.Info("a card's photo was not read", "case", row.ID, "err", err)
		return CardText{}
	}
	for _, s := range []*string{&said.Number, &said.Surname, &said.GivenNames, &said.ChineseName, &said.Birth, &said.Issued, &said.Gender} {
		if *s = strings.ToValidUTF8(strings.Join(strings.Fields(*s), " "), ""); len(*s) > 100 {
			*s = ""
		}
	}
	return said
}

// RemoteCard is what fills the form: what the person confirmed before, or what a machine read.
func (r *Registry) RemoteCard(ctx context.Context, browser string) (CardText, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return CardText{}, err
	}
	if row.State != RemotePictured {
		return CardText{}, fmt.Errorf("%w: the case is %s", ErrState, row.State)
	}
	f, err := r.people.Open(ctx, value(row.Account))
	if err != nil {
		return CardText{}, err
	}
	if f["number"] != "" {
		return CardText{
			Number: f["number"], Surname: f["surname"], GivenNames: f["given-names"], ChineseName: f["chinese-name"],
			Birth: f["birth"], Issued: f["issued"], Gender: f["gender"],
		}, nil
	}
	var said CardText
	if err := json.Unmarshal([]byte(f[fieldSuggested]), &said); err != nil {
		return CardText{}, fmt.Errorf("read suggestions: %w", err)
	}
	return said, nil
}

// ConfirmRemote keeps the data that the person compared with the card. Whether somebody has an
// account is not said here: it would tell strangers. network is where the request comes from; only its digest is used,
// for limits. hkic.ErrCard, ErrTooMany; ErrRefused: too young, and the case is over.
func (r *Registry) ConfirmRemote(ctx context.Context, browser, network string, card hkic.Card) (*RemoteCase, error) {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return nil, err
	}
	if _, err := next("remote", row.State, actEnter); err != nil {
		return nil, err
	}
	if card, err = card.Check(r.cfg.Now()); err != nil {
		return nil, err
	}
	c := remoteCaller(value(row.Account))
	reasons, err := r.takeNumber(ctx, c, card.Number, network)
	if err != nil {
		return nil, err
	}
	if !card.OldEnough(r.cfg.Now()) {
		return nil, errors.Join(ErrRefused, r.endRemote(ctx, c, row, actRefuse, "too-young"))
	}
	fields := cardFields(card)
	fields[fieldSuggested] = ""
	sealed, err := r.people.Prepare(ctx, value(row.Account), fields, nil)
	if err != nil {
		return nil, err
	}
	err = r.stepRemote(ctx, row, actEnter, func(tx postgres.Tx, row *remoteRow) ([]audit.Event, error) {
		row.Reasons = reasons
		return []audit.Event{r.event(c, "registration.remote-enter", caseSubject(row.ID), "", nil)}, r.people.Put(ctx, tx, sealed)
	})
	if err != nil {
		return nil, wrap("confirm card", err)
	}
	return r.showRemote(ctx, row)
}

// takeNumber counts a number that is typed: from one network, where it is refused when there are too many (ErrTooMany), and
// from all. Beyond that limit nobody is refused, for a stranger could have typed it: the reasons say that an officer is to look.
func (r *Registry) takeNumber(ctx context.Context, c Caller, n hkic.Number, network string) (reasons []string, err error) {
	here, err := r.people.Digest(ctx, "remote-number", n.Normal()+"\x00"+network)
	if err != nil {
		return nil, err
	}
	all, err := r.people.Digest(ctx, "remote-number-all", n.Normal())
	if err != nil {
		return nil, err
	}
	if err := r.attempts.Take(ctx, limitRemoteNumber, fmt.Sprintf("%x", here), who(c)); err != nil {
		return nil, err
	}
	err = r.attempts.Take(ctx, limitRemoteNumberAll, fmt.Sprintf("%x", all), who(c))
	if errors.Is(err, ErrTooMany) {
		return []string{reasonTried}, nil
	}
	return nil, err
}

// CorrectRemote goes back to the card's data.
func (r *Registry) CorrectRemote(ctx context.Context, browser string) error {
	row, err := r.remoteOf(ctx, browser)
	if err != nil {
		return err
	}
	r.tries.end(row.ID)
	return wrap("correct card", r.stepRemote(ctx, row, actCorrect, func(_ postgres.Tx, c *remoteRow) ([]audit.Event, error) {
		return []audit.Event{r.event(remoteCaller(value(c.Account)), "registration.remote-correct", caseSubject(c.ID), "", nil)}, nil
	}))
}
