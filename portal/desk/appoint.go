package desk

import (
	"net/http"
	"time"

	"chop/registration"
	"chop/registration/officers"
)

// officersView is who works here.
type officersView struct {
	Officers []*officers.Officer
	Alarms   []registration.Alarm
}

func officersPage(q *request) error {
	if _, err := q.desk.c.Registry.Officers().Authorize(q.Context(), q.caller(), "plan-shift"); err != nil {
		return err
	}
	list, err := q.desk.c.Registry.Officers().Officers(q.Context())
	if err != nil {
		return err
	}
	alarms, err := q.desk.c.Registry.Alarms(q.Context(), q.caller(), 50)
	if err != nil {
		return err
	}
	return q.show(http.StatusOK, "officers", "title-officers", officersView{list, alarms}, "")
}

func approveOfficer(q *request) error {
	if _, err := q.desk.c.Registry.Officers().Approve(q.Context(), q.caller(), q.param("id")); err != nil {
		return err
	}
	return q.seeOther("/officers")
}

func suspendOfficer(q *request) error {
	if err := q.desk.c.Registry.Officers().Suspend(q.Context(), q.caller(), q.param("id"), q.field("reason")); err != nil {
		return err
	}
	return q.seeOther("/officers")
}

// planShift plans one from now or a given hour, in Hong Kong's time.
func planShift(q *request) error {
	begins, err := time.ParseInLocation("2006-01-02T15:04", q.field("begins"), hongKong)
	if err != nil {
		return officers.ErrInvalid
	}
	ends, err := time.ParseInLocation("2006-01-02T15:04", q.field("ends"), hongKong)
	if err != nil {
		return officers.ErrInvalid
	}
	_, err = q.desk.c.Registry.Officers().PlanShift(q.Context(), q.caller(), officers.Shift{
		Officer: q.param("id"), Role: q.field("role"), Place: q.field("place"), Begins: begins, Ends: ends,
	})
	if err != nil {
		return err
	}
	return q.seeOther("/officers")
}
