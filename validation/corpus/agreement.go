package corpus

import (
	"fmt"
	"io"
	"strings"
)

// An Agreement counts the scored rows of one project, format, and verdict.
type Agreement struct {
	Project string `json:"project"`
	Format  string `json:"format"`
	Want    string `json:"want"`
	Scored  int    `json:"scored"`
	Agree   int    `json:"agree"`
	// Failed and Undecided split the broken ones that agree.
	Undecided int `json:"undecided,omitempty"`
	// Indications and SameIndications count the rows that state one.
	Indications     int `json:"indications,omitempty"`
	SameIndications int `json:"same_indications,omitempty"`
	Unsafe          int `json:"unsafe"`
	// Unscored rows were run too, and count for nothing.
	Unscored int `json:"unscored"`
}

func (a *Agreement) add(r Result) {
	if r.Unsafe {
		a.Unsafe++
	}
	if !r.Scored {
		a.Unscored++
		return
	}
	a.Scored++
	if r.Agree {
		a.Agree++
	}
	if r.Undecided {
		a.Undecided++
	}
	if r.SameIndication != nil {
		a.Indications++
		if *r.SameIndication {
			a.SameIndications++
		}
	}
}

// Percent is the share of scored rows that agree.
func (a Agreement) Percent() float64 { return percent(a.Agree, a.Scored) }

func percent(n, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(n) / float64(of)
}

// Tally sums results up: by project, format, and verdict, and by project alone.
func Tally(results []Result) (fine, coarse []Agreement) {
	at := map[[3]string]int{}
	whole := map[string]int{}
	for _, r := range results {
		want, _, _ := strings.Cut(r.Want, ",")
		key := [3]string{r.Project, r.Format, want}
		i, ok := at[key]
		if !ok {
			i = len(fine)
			at[key] = i
			fine = append(fine, Agreement{Project: r.Project, Format: r.Format, Want: want})
		}
		fine[i].add(r)
		k, ok := whole[r.Project]
		if !ok {
			k = len(coarse)
			whole[r.Project] = k
			coarse = append(coarse, Agreement{Project: r.Project})
		}
		coarse[k].add(r)
	}
	return fine, coarse
}

// Write tells a person: the agreement by project, format, and verdict, then every
// scored row that disagrees, and why.
func Write(w io.Writer, results []Result) {
	fine, coarse := Tally(results)
	line := func(a Agreement) {
		fmt.Fprintf(w, "%-11s %-24s %-12s %4d of %4d agree  %5.1f %%", a.Project, a.Format, a.Want, a.Agree, a.Scored, a.Percent())
		if a.Indications > 0 {
			fmt.Fprintf(w, "; same indication %d of %d, %.1f %%", a.SameIndications, a.Indications, percent(a.SameIndications, a.Indications))
		}
		if a.Undecided > 0 {
			fmt.Fprintf(w, "; %d of them undecided for what is missing", a.Undecided)
		}
		if a.Unscored > 0 {
			fmt.Fprintf(w, "; %d for information", a.Unscored)
		}
		if a.Unsafe > 0 {
			fmt.Fprintf(w, "; %d PASSED AND MUST NOT", a.Unsafe)
		}
		fmt.Fprintln(w)
	}
	for _, a := range coarse {
		line(a)
		for _, f := range fine {
			if f.Project == a.Project {
				line(f)
			}
		}
	}
	for _, r := range results {
		if r.Unsafe || r.Scored && (!r.Agree || r.SameIndication != nil && !*r.SameIndication) {
			fmt.Fprintf(w, "\n%s %s\n  %s\n  theirs %s\n  ours   %s\n  %s\n", r.Project, r.ID, r.What, r.Want, r.Got, r.Why)
		}
	}
}
