package registration

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What must have happened before an account is active, in this order.
var needed = []act{actEnter, actConfirm, actVerify, actScan, actNumber, actAccept, actEnrol, actTicket, actMake, actIssue, actComplete}

// Whatever is tried in whatever order, a case is done only after every step, each
// after the one before; and nothing follows an end.
func TestNoCaseSkipsAStep(t *testing.T) {
	var acts []act
	for _, tr := range transitions {
		if tr.machine == "case" {
			acts = append(acts, tr.act)
		}
	}
	done := 0
	rapid.Check(t, func(t *rapid.T) {
		state := Opened
		reached := 0 // of needed
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			a := rapid.SampledFrom(append(acts, needed[min(reached, len(needed)-1)], needed[min(reached, len(needed)-1)])).Draw(t, "act")
			to, err := next("case", state, a)
			if err != nil {
				if to != state {
					t.Fatalf("%s of %s is refused and leads to %s", a, state, to)
				}
				continue
			}
			if state.over() {
				t.Fatalf("%s follows %s", a, state)
			}
			switch i := slices.Index(needed, a); {
			case i == reached:
				reached++
			case i >= 0 && i > reached:
				t.Fatalf("%s without %s", a, needed[reached])
			case a == actChip: // instead of entering and confirming
				if reached != 0 {
					t.Fatalf("%s after %d steps", a, reached)
				}
				reached = slices.Index(needed, actVerify)
			case a == actRescan:
				reached = slices.Index(needed, actScan)
			case a == actRetry:
				reached = slices.Index(needed, actEnrol)
			}
			state = to
		}
		if state == Done {
			done++
			if reached != len(needed) {
				t.Fatalf("done after %d of %d steps", reached, len(needed))
			}
		}
	})
	if done == 0 {
		t.Log("no case came to its end in this run")
	}
}

// On a phone: done only after a photo, confirmed data, a face and Immigration's answer, since the photos were last
// lost; and what was referred only after an officer's word.
func TestNoRemoteCaseSkipsAStep(t *testing.T) {
	var acts []act
	for _, tr := range transitions {
		if tr.machine == "remote" {
			acts = append(acts, tr.act)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		state := RemoteNoticed
		seen := map[act]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			a := rapid.SampledFrom(acts).Draw(t, "act")
			to, err := next("remote", state, a)
			if err != nil {
				continue
			}
			if state.over() {
				t.Fatalf("%s follows %s", a, state)
			}
			switch a {
			case actLose:
				clear(seen)
			case actPicture: // another card, perhaps
				delete(seen, actEnter)
				delete(seen, actFace)
			case actCorrect:
				delete(seen, actEnter)
			}
			seen[a] = true
			if state = to; state == RemoteVerified || state == RemoteDone {
				if !seen[actPicture] || !seen[actEnter] || !seen[actFace] || seen[actRefer] && !seen[actApprove] || !seen[actRefer] && !seen[actVerify] {
					t.Fatalf("%s after %v", state, seen)
				}
			}
		}
	})
}

// The straight way exists, and a closed account stays closed.
func TestStraightWay(t *testing.T) {
	state := Opened
	for _, a := range needed {
		to, err := next("case", state, a)
		if err != nil {
			t.Fatal(err)
		}
		state = to
	}
	if state != Done {
		t.Errorf("it ends as %s", state)
	}
	for _, tr := range transitions {
		if tr.machine == "account" && slices.Contains(tr.from, string(Closed)) {
			t.Errorf("%s leads out of closed", tr.act)
		}
		if tr.machine == "account" && tr.to == string(Active) && slices.Contains(tr.from, string(Suspended)) && tr.act != actResume && tr.act != actReplace && tr.act != actUpgrade {
			t.Errorf("%s ends a suspension", tr.act)
		}
	}
}

func FuzzContact(f *testing.F) {
	f.Add("9123 4567", "a@example.hk")
	f.Add("+44 20 7946 0000", "")
	f.Add("００８５２ ９１２３４５６７", "Tai.Man@Example.HK")
	f.Fuzz(func(t *testing.T, phone, email string) {
		c, err := Contact{Phone: phone, Email: email}.normal()
		if err != nil {
			return
		}
		if again, err := c.normal(); err != nil || again != c {
			t.Fatalf("normal twice is %+v (%v), once %+v", again, err, c)
		}
	})
}
