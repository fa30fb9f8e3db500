package receipt

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
)

// wire is a receipt as JSON: the fields in order, without those that the level does
// not have.
type wire struct {
	Version     string        `json:"version"`
	ID          uuid.UUID     `json:"id"`
	Log         string        `json:"log"`
	Level       Level         `json:"level"`
	About       uuid.UUID     `json:"about,omitzero"`
	Trigger     Trigger       `json:"trigger,omitzero"`
	Rule        *wireRule     `json:"rule,omitzero"`
	Ground      Ground        `json:"ground,omitzero"`
	RequestedAt moment        `json:"requested_at,omitzero"`
	ExecutedAt  moment        `json:"executed_at"`
	Actor       Actor         `json:"actor,omitzero"`
	Tool        string        `json:"tool"`
	Build       string        `json:"build"`
	Method      string        `json:"method,omitzero"`
	Counts      *Counts       `json:"counts,omitzero"`
	Responses   *[]Commitment `json:"responses,omitzero"`
	Owners      *[]Commitment `json:"owners,omitzero"`
	Parts       []uuid.UUID   `json:"parts,omitempty"`
	Verified    Verification  `json:"verified"`
	NotCovered  []Gap         `json:"not_covered"`
}

type wireRule struct {
	ID      uuid.UUID `json:"id"`
	Version int64     `json:"version"`
}

// moment is a time with exactly six decimals of a second.
type moment time.Time

const momentLayout = "2006-01-02T15:04:05.000000Z"

func (m moment) MarshalText() ([]byte, error) {
	return time.Time(m).UTC().AppendFormat(nil, momentLayout), nil
}

func (m *moment) UnmarshalText(text []byte) error {
	t, err := time.Parse(momentLayout, string(text))
	*m = moment(t)
	return err
}

// IsZero is for omitzero.
func (m moment) IsZero() bool { return time.Time(m).IsZero() }

// Encode returns the receipt's canonical form: the bytes that become a leaf of the
// log. It truncates times to the microsecond and writes them in UTC; it sorts lists.
// It refuses a receipt that breaks a rule of the format (BadReceipt).
func Encode(r Receipt) ([]byte, error) {
	r.Responses, r.Owners = sorted(r.Responses), sorted(r.Owners)
	r.Parts = slices.SortedFunc(slices.Values(r.Parts), compareIDs)
	if err := r.validate(); err != nil {
		return nil, err
	}
	w := wire{
		Version: Version, ID: r.ID, Log: r.Log, Level: r.Level, About: r.About,
		ExecutedAt: moment(r.ExecutedAt), Tool: tool, Build: r.Build, Verified: r.Verified,
		NotCovered: make([]Gap, 0, len(r.NotCovered)),
	}
	for _, g := range gaps {
		if slices.Contains(r.NotCovered, g.Gap) {
			w.NotCovered = append(w.NotCovered, g.Gap)
		}
	}
	if r.Level == LevelLogical {
		w.Trigger, w.Ground, w.RequestedAt, w.Actor = r.Trigger, r.Ground, moment(r.RequestedAt), r.Actor
		w.Method, w.Counts, w.Responses, w.Owners, w.Parts = method, &r.Counts, &r.Responses, &r.Owners, r.Parts
		if r.Rule != nil {
			w.Rule = (*wireRule)(r.Rule)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, errorf(BadReceipt, "the receipt cannot be written: %v", err)
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a newline
	if b.Len() > MaxReceipt {
		return nil, errorf(BadReceipt, "the receipt is longer than %d bytes: erase less at once", MaxReceipt)
	}
	return b.Bytes(), nil
}

// Parse reads a receipt's canonical form. It refuses whatever Encode would not have
// written byte for byte (BadReceipt): unknown and repeated fields, white space,
// another order, other spellings of times and numbers.
func Parse(data []byte) (Receipt, error) {
	if len(data) > MaxReceipt {
		return Receipt{}, errorf(BadReceipt, "the receipt is longer than %d bytes", MaxReceipt)
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return Receipt{}, errorf(BadReceipt, "the receipt is no JSON with the fields of a receipt")
	}
	if w.Version != Version {
		return Receipt{}, errorf(BadReceipt, "the receipt is not of the version %s", Version)
	}
	r := Receipt{
		ID: w.ID, Log: w.Log, Level: w.Level, ExecutedAt: time.Time(w.ExecutedAt), Build: w.Build,
		Verified: w.Verified, NotCovered: w.NotCovered, About: w.About,
		Trigger: w.Trigger, Rule: (*Rule)(w.Rule), Ground: w.Ground, RequestedAt: time.Time(w.RequestedAt), Actor: w.Actor,
		Parts: w.Parts,
	}
	if w.Counts != nil {
		r.Counts = *w.Counts
	}
	if w.Responses != nil {
		r.Responses = *w.Responses
	}
	if w.Owners != nil {
		r.Owners = *w.Owners
	}
	canonical, err := Encode(r)
	if err != nil {
		return Receipt{}, err
	}
	if at, same := firstDifference(data, canonical); !same {
		return Receipt{}, errorf(BadReceipt, "the receipt is not in its canonical form from byte %d on", at)
	}
	return r, nil
}

// firstDifference returns the offset at which two byte strings start to differ.
func firstDifference(a, b []byte) (at int, same bool) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at, at == len(a) && at == len(b)
}
