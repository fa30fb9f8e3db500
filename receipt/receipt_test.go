package receipt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/receipt"
)

// logicalJSON is the receipt single(0), written by hand.
const logicalJSON = `{"version":"lethe-receipt/1","id":"ID","log":"lethe.example/log","level":"logical",` +
	`"trigger":"single","ground":"request","requested_at":"2026-11-20T10:00:00.123456Z","executed_at":"2026-11-20T10:00:00.131346Z",` +
	`"actor":"owner","tool":"lethe","build":"v1.0.0","method":"delete",` +
	`"counts":{"requests":1,"steps":1,"templates":1,"raw_requests":1,"raw_responses":0,"tasks":0,"files":0,"kept_templates":0,"retained":0},` +
	`"responses":["RESPONSE"],"owners":["OWNER"],"verified":"read back in the same transaction",` +
	`"not_covered":["pages","wal","backups","replicas","late_copies","unlocated_copies"]}`

const laterJSON = `{"version":"lethe-receipt/1","id":"ID","log":"lethe.example/log","level":"vacuumed","about":"ABOUT",` +
	`"executed_at":"2026-11-20T11:00:00.123456Z","tool":"lethe","build":"v1.0.0",` +
	`"verified":"the removable cutoff is past the transaction","not_covered":["pages","backups"]}`

func filled(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }

func logicalText() string {
	r := single(0)
	response, _ := r.Responses[0].MarshalText()
	owner, _ := r.Owners[0].MarshalText()
	return filled(logicalJSON, "ID", r.ID.String(), "RESPONSE", string(response), "OWNER", string(owner))
}

func laterText() string {
	r := later(0, receipt.LevelVacuumed, receipt.VerifiedByCutoff)
	return filled(laterJSON, "ID", r.ID.String(), "ABOUT", r.About.String())
}

func TestEncode(t *testing.T) {
	t.Parallel()
	if got, want := string(encode(t, single(0))), logicalText(); got != want {
		t.Errorf("want\n%s, got\n%s", want, got)
	}
	vacuumed := later(0, receipt.LevelVacuumed, receipt.VerifiedByCutoff, receipt.GapBackups, receipt.GapPages)
	if got, want := string(encode(t, vacuumed)), laterText(); got != want {
		t.Errorf("want\n%s, got\n%s", want, got)
	}
}

// TestEncodeNormalizes: time zones, the order of lists and
// fractions of seconds are normalized, and the argument stays unchanged.
func TestEncodeNormalizes(t *testing.T) {
	t.Parallel()
	r := single(1)
	r.Counts.Requests = 2
	r.Responses = append(r.Responses, receipt.CommitResponse(saltOf(1), numbered("response", 99)))
	r.Parts = []uuid.UUID{numbered("receipt", 8), numbered("receipt", 9)}
	want := encode(t, r)
	slices.Reverse(r.Responses)
	slices.Reverse(r.NotCovered)
	slices.Reverse(r.Parts)
	zone := time.FixedZone("", 5*3600)
	r.RequestedAt = r.RequestedAt.In(zone).Add(999)
	r.ExecutedAt = r.ExecutedAt.In(zone).Add(999)
	responses, gaps := slices.Clone(r.Responses), slices.Clone(r.NotCovered)
	if got := encode(t, r); !bytes.Equal(got, want) {
		t.Errorf("want\n%s, got\n%s", want, got)
	}
	if !slices.Equal(responses, r.Responses) || !slices.Equal(gaps, r.NotCovered) {
		t.Error("Encode changed its argument")
	}
}

// everything returns receipts with all words and forms.
func everything() map[string]receipt.Receipt {
	all := map[string]receipt.Receipt{
		"single":     single(0),
		"replicated": later(0, receipt.LevelReplicated, receipt.VerifiedOnStandbys, receipt.GapPages),
		"vacuumed":   later(0, receipt.LevelVacuumed, receipt.VerifiedByCutoff, receipt.GapPages),
		"rewritten":  later(0, receipt.LevelRewritten, receipt.VerifiedByRewrite),
		"dropped":    later(0, receipt.LevelRewritten, receipt.VerifiedByDrop),
		"expired":    later(0, receipt.LevelExpired, receipt.VerifiedByOperator),
	}
	for i, trigger := range []receipt.Trigger{receipt.TriggerBulk, receipt.TriggerRetention, receipt.TriggerReplay, receipt.TriggerSweep, receipt.TriggerOrphans} {
		r := single(i)
		r.Trigger = trigger
		if trigger == receipt.TriggerRetention {
			r.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 3}
		}
		all["trigger "+string(trigger)] = r
	}
	for i, ground := range []receipt.Ground{
		receipt.GroundConsentWithdrawn, receipt.GroundObjection, receipt.GroundNoLongerNeeded, receipt.GroundUnlawful,
		receipt.GroundLegalObligation, receipt.GroundRetention, receipt.GroundUnspecified,
	} {
		r := single(i)
		r.Ground = ground
		all["ground "+string(ground)] = r
	}
	for i, actor := range []receipt.Actor{receipt.ActorOrganization, receipt.ActorAdministrator, receipt.ActorPlatformManager, receipt.ActorSystem} {
		r := single(i)
		r.Actor = actor
		all["actor "+string(actor)] = r
	}
	bulk := single(0)
	bulk.Trigger, bulk.Counts, bulk.NotCovered = receipt.TriggerBulk, receipt.Counts{Requests: 300, Tasks: 1<<53 - 1}, nil
	bulk.Responses = nil
	for n := range 300 {
		bulk.Responses = append(bulk.Responses, receipt.CommitResponse(saltOf(0), numbered("response", n)))
	}
	all["many"] = bulk
	several := single(0)
	several.Parts = []uuid.UUID{numbered("receipt", 1)}
	all["of two parts"] = several
	several.Parts = parts(receipt.MaxParts)
	all["of most parts"] = several
	arsenal := single(0)
	arsenal.Counts = receipt.Counts{Files: 1, KeptTemplates: 2, Retained: 3}
	arsenal.NotCovered = append(arsenal.NotCovered, receipt.GapLaterTurns, receipt.GapImageStore, receipt.GapPromptCache)
	all["of all gaps"] = arsenal
	nothing := single(0)
	nothing.Counts, nothing.Responses = receipt.Counts{}, nil
	all["nothing"] = nothing
	nobody := single(0)
	nobody.Counts, nobody.Responses, nobody.Owners = receipt.Counts{}, nil, nil
	nobody.Build = `v1 (modified) <&> '~`
	all["nobody's"] = nobody
	return all
}

// parts returns identifiers of receipts other than single(0), in order.
func parts(n int) []uuid.UUID {
	var ids []uuid.UUID
	for i := range n {
		ids = append(ids, numbered("receipt", i+1))
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

func TestParseEncoded(t *testing.T) {
	t.Parallel()
	for name, r := range everything() {
		data := encode(t, r)
		parsed, err := receipt.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		slices.SortFunc(r.Responses, func(a, b receipt.Commitment) int { return bytes.Compare(a[:], b[:]) })
		slices.SortFunc(r.Parts, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		// Empty and absent lists are the same to a reader.
		for _, list := range []*[]receipt.Commitment{&r.Responses, &r.Owners, &parsed.Responses, &parsed.Owners} {
			*list = append([]receipt.Commitment{}, *list...)
		}
		r.NotCovered, parsed.NotCovered = append([]receipt.Gap{}, r.NotCovered...), append([]receipt.Gap{}, parsed.NotCovered...)
		if !reflect.DeepEqual(parsed, r) {
			t.Errorf("%s: want\n%+v, got\n%+v", name, r, parsed)
		}
		if strings.ContainsAny(string(data), "\n\t") || !json.Valid(data) {
			t.Errorf("%s: want JSON on one line, got %s", name, data)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*receipt.Receipt){
		"no id":                  func(r *receipt.Receipt) { r.ID = uuid.Nil },
		"an id with a time":      func(r *receipt.Receipt) { r.ID[6] = r.ID[6]&0x0f | 0x70 },
		"no log":                 func(r *receipt.Receipt) { r.Log = "" },
		"a log with a space":     func(r *receipt.Receipt) { r.Log = "a log" },
		"a log with a plus":      func(r *receipt.Receipt) { r.Log = "a+log" },
		"a log with a newline":   func(r *receipt.Receipt) { r.Log = "a\nlog" },
		"a log of other letters": func(r *receipt.Receipt) { r.Log = "lögg" },
		"a log too long":         func(r *receipt.Receipt) { r.Log = strings.Repeat("l", 256) },
		"no level":               func(r *receipt.Receipt) { r.Level = "" },
		"an unknown level":       func(r *receipt.Receipt) { r.Level = "gone" },
		"about another erasure":  func(r *receipt.Receipt) { r.About = numbered("receipt", 2) },
		"no trigger":             func(r *receipt.Receipt) { r.Trigger = "" },
		"an unknown trigger":     func(r *receipt.Receipt) { r.Trigger = "cron" },
		"retention, no rule":     func(r *receipt.Receipt) { r.Trigger = receipt.TriggerRetention },
		"a rule, no retention":   func(r *receipt.Receipt) { r.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 1} },
		"a rule without an id":   func(r *receipt.Receipt) { r.Trigger, r.Rule = receipt.TriggerRetention, &receipt.Rule{Version: 1} },
		"a rule with a huge version": func(r *receipt.Receipt) {
			r.Trigger, r.Rule = receipt.TriggerRetention, &receipt.Rule{ID: r.ID, Version: 1 << 53}
		},
		"a rule without a version":  func(r *receipt.Receipt) { r.Trigger, r.Rule = receipt.TriggerRetention, &receipt.Rule{ID: r.ID} },
		"an unknown ground":         func(r *receipt.Receipt) { r.Ground = "Ada asked for it" },
		"no time of the request":    func(r *receipt.Receipt) { r.RequestedAt = time.Time{} },
		"no time":                   func(r *receipt.Receipt) { r.ExecutedAt = time.Time{} },
		"a five-digit year":         func(r *receipt.Receipt) { r.ExecutedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a time before 1970":        func(r *receipt.Receipt) { r.ExecutedAt = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC) },
		"an unknown actor":          func(r *receipt.Receipt) { r.Actor = "ada@example.com" },
		"no build":                  func(r *receipt.Receipt) { r.Build = "" },
		"a build with a quote":      func(r *receipt.Receipt) { r.Build = `a"b` },
		"a build that escapes":      func(r *receipt.Receipt) { r.Build = `a\b` },
		"a negative count":          func(r *receipt.Receipt) { r.Counts.Tasks = -1 },
		"an inexact count":          func(r *receipt.Receipt) { r.Counts.Tasks = 1 << 53 },
		"a negative count, files":   func(r *receipt.Receipt) { r.Counts.Files = -1 },
		"a negative count, kept":    func(r *receipt.Receipt) { r.Counts.KeptTemplates = -1 },
		"an inexact count, kept":    func(r *receipt.Receipt) { r.Counts.Retained = 1 << 53 },
		"a part without an id":      func(r *receipt.Receipt) { r.Parts = []uuid.UUID{uuid.Nil} },
		"a part of itself":          func(r *receipt.Receipt) { r.Parts = []uuid.UUID{r.ID} },
		"a part twice":              func(r *receipt.Receipt) { r.Parts = []uuid.UUID{numbered("receipt", 9), numbered("receipt", 9)} },
		"too many parts":            func(r *receipt.Receipt) { r.ID, r.Parts = numbered("receipt", 0), parts(receipt.MaxParts+1) },
		"too few responses":         func(r *receipt.Receipt) { r.Counts.Requests = 2 },
		"a response twice":          func(r *receipt.Receipt) { r.Responses = append(r.Responses, r.Responses[0]) },
		"an owner twice":            func(r *receipt.Receipt) { r.Owners = append(r.Owners, r.Owners[0]) },
		"not verified":              func(r *receipt.Receipt) { r.Verified = "" },
		"verified as another level": func(r *receipt.Receipt) { r.Verified = receipt.VerifiedByOperator },
		"an unknown gap":            func(r *receipt.Receipt) { r.NotCovered = []receipt.Gap{"disks"} },
		"a gap twice":               func(r *receipt.Receipt) { r.NotCovered = []receipt.Gap{receipt.GapWAL, receipt.GapWAL} },
		"too long": func(r *receipt.Receipt) {
			for n := range 23_000 {
				r.Responses = append(r.Responses, receipt.Commitment(saltOf(n)))
			}
		},
	} {
		r := single(1)
		change(&r)
		if data, err := receipt.Encode(r); err == nil {
			t.Errorf("%s: got %s", name, data)
		} else {
			wantKind(t, err, receipt.BadReceipt)
		}
	}
	for name, change := range map[string]func(*receipt.Receipt){
		"about nothing": func(r *receipt.Receipt) { r.About = uuid.Nil },
		"about itself":  func(r *receipt.Receipt) { r.About = r.ID },
		"a trigger":     func(r *receipt.Receipt) { r.Trigger = receipt.TriggerSingle },
		"a rule":        func(r *receipt.Receipt) { r.Rule = &receipt.Rule{ID: numbered("rule", 1), Version: 1} },
		"a ground":      func(r *receipt.Receipt) { r.Ground = receipt.GroundRequest },
		"a request":     func(r *receipt.Receipt) { r.RequestedAt = executed },
		"an actor":      func(r *receipt.Receipt) { r.Actor = receipt.ActorSystem },
		"counts":        func(r *receipt.Receipt) { r.Counts.Steps = 1 },
		"responses":     func(r *receipt.Receipt) { r.Responses = single(0).Responses },
		"owners":        func(r *receipt.Receipt) { r.Owners = single(0).Owners },
		"parts":         func(r *receipt.Receipt) { r.Parts = parts(1) },
		"verified":      func(r *receipt.Receipt) { r.Verified = receipt.VerifiedInTransaction },
	} {
		r := later(1, receipt.LevelVacuumed, receipt.VerifiedByCutoff)
		change(&r)
		if data, err := receipt.Encode(r); err == nil {
			t.Errorf("later, %s: got %s", name, data)
		} else {
			wantKind(t, err, receipt.BadReceipt)
		}
	}
}

// TestEveryField: the tests' receipts, from which the checkers' form is made, use
// every field; a later level refuses each field that only an erasure has; every count
// has a maximum.
func TestEveryField(t *testing.T) {
	t.Parallel()
	of := reflect.ValueOf(later(1, receipt.LevelVacuumed, receipt.VerifiedByCutoff, receipt.GapPages))
	for field := range of.Type().Fields() {
		var value reflect.Value
		for _, r := range everything() {
			if v := reflect.ValueOf(r).FieldByIndex(field.Index); !v.IsZero() {
				value = v
			}
		}
		if !value.IsValid() {
			t.Errorf("no receipt uses the field %s", field.Name)
			continue
		}
		if of.FieldByIndex(field.Index).IsZero() {
			r := of.Interface().(receipt.Receipt)
			reflect.ValueOf(&r).Elem().FieldByIndex(field.Index).Set(value)
			_, err := receipt.Encode(r)
			wantKind(t, err, receipt.BadReceipt)
		}
	}
	for field := range reflect.TypeFor[receipt.Counts]().Fields() {
		for _, n := range []int64{-1, 1 << 53} {
			r := single(1)
			reflect.ValueOf(&r.Counts).Elem().FieldByIndex(field.Index).SetInt(n)
			_, err := receipt.Encode(r)
			wantKind(t, err, receipt.BadReceipt)
		}
	}
}

// notCanonical are texts that are not receipts, or receipts in another spelling.
func notCanonical() map[string]string {
	logical, later := logicalText(), laterText()
	response, _ := single(0).Responses[0].MarshalText()
	other, _ := receipt.CommitResponse(saltOf(0), numbered("response", 5)).MarshalText()
	low, high := string(response), string(other)
	a, b := single(0).Responses[0], receipt.CommitResponse(saltOf(0), numbered("response", 5))
	if bytes.Compare(a[:], b[:]) > 0 {
		low, high = high, low
	}
	in := func(text, old, new string) string {
		if !strings.Contains(text, old) {
			panic(fmt.Sprintf("%s is not in %s", old, text))
		}
		return strings.Replace(text, old, new, 1)
	}
	return map[string]string{
		"nothing":              "",
		"null":                 "null",
		"a list":               "[]",
		"no object":            `"lethe-receipt/1"`,
		"an empty object":      "{}",
		"half of it":           logical[:len(logical)/2],
		"two of them":          logical + logical,
		"space before":         " " + logical,
		"newline after":        logical + "\n",
		"space within":         in(logical, `,"log"`, `, "log"`),
		"another version":      in(logical, "lethe-receipt/1", "lethe-receipt/2"),
		"no version":           in(logical, `"version":"lethe-receipt/1",`, ""),
		"an unknown field":     in(logical, `"log"`, `"ticket":"T-1","log"`),
		"a field twice":        in(logical, `"level":"logical"`, `"level":"logical","level":"logical"`),
		"a capitalized field":  in(logical, `"level"`, `"Level"`),
		"another order":        in(logical, `"tool":"lethe","build":"v1.0.0"`, `"build":"v1.0.0","tool":"lethe"`),
		"an escape":            in(logical, `"single"`, `"\u0073ingle"`),
		"an empty field":       in(logical, `"level":"logical"`, `"level":"logical","about":""`),
		"a null field":         in(logical, `"trigger"`, `"rule":null,"trigger"`),
		"an empty rule":        in(logical, `"ground"`, `"rule":{},"ground"`),
		"about nobody":         in(logical, `"trigger"`, `"about":"00000000-0000-0000-0000-000000000000","trigger"`),
		"an id in capitals":    in(logical, single(0).ID.String(), strings.ToUpper(single(0).ID.String())),
		"an id in braces":      in(logical, single(0).ID.String(), "{"+single(0).ID.String()+"}"),
		"a zone":               in(logical, "10:00:00.131346Z", "12:00:00.131346+02:00"),
		"a zone of zero":       in(logical, "10:00:00.131346Z", "10:00:00.131346+00:00"),
		"milliseconds":         in(logical, "10:00:00.131346Z", "10:00:00.131Z"),
		"nanoseconds":          in(logical, "10:00:00.131346Z", "10:00:00.131346000Z"),
		"a comma in the time":  in(logical, "10:00:00.131346Z", "10:00:00,131346Z"),
		"a small z":            in(logical, "10:00:00.131346Z", "10:00:00.131346z"),
		"the 31st of November": in(logical, "2026-11-20T10:00:00.131346Z", "2026-11-31T10:00:00.131346Z"),
		"another tool":         in(logical, `"tool":"lethe"`, `"tool":"rm"`),
		"another method":       in(logical, `"method":"delete"`, `"method":"truncate"`),
		"a count as text":      in(logical, `"steps":1`, `"steps":"1"`),
		"a fraction":           in(logical, `"steps":1`, `"steps":1.0`),
		"an exponent":          in(logical, `"steps":1`, `"steps":1e0`),
		"minus zero":           in(logical, `"tasks":0`, `"tasks":-0`),
		"a negative count":     in(logical, `"tasks":0`, `"tasks":-1`),
		"a huge count":         in(logical, `"tasks":0`, `"tasks":99999999999999999999`),
		"a count left out":     in(logical, `"steps":1,`, ``),
		"no counts":            in(logical, `"counts":{"requests":1,"steps":1,"templates":1,"raw_requests":1,"raw_responses":0,"tasks":0,"files":0,"kept_templates":0,"retained":0},`, ``),
		"a new count left out": in(logical, `,"retained":0`, ``),
		"counts unsorted":      in(logical, `"files":0,"kept_templates":0`, `"kept_templates":0,"files":0`),
		"no parts":             in(logical, `"verified"`, `"parts":[],"verified"`),
		"null parts":           in(logical, `"verified"`, `"parts":null,"verified"`),
		"a part in capitals":   in(logical, `"verified"`, `"parts":["`+strings.ToUpper(numbered("receipt", 1).String())+`"],"verified"`),
		"a part of itself":     in(logical, `"verified"`, `"parts":["`+single(0).ID.String()+`"],"verified"`),
		"a part's place":       in(logical, `"owners"`, `"parts":["`+numbered("receipt", 1).String()+`"],"owners"`),
		"parts unsorted":       in(logical, `"verified"`, `"parts":["`+parts(2)[1].String()+`","`+parts(2)[0].String()+`"],"verified"`),
		"a part twice":         in(logical, `"verified"`, `"parts":["`+parts(2)[0].String()+`","`+parts(2)[0].String()+`"],"verified"`),
		"a later level's part": in(later, `"verified"`, `"parts":["`+parts(1)[0].String()+`"],"verified"`),
		"no responses":         in(logical, `"responses":["`+string(response)+`"],`, ``),
		"null responses":       in(logical, `"responses":["`+string(response)+`"]`, `"responses":null`),
		"too few responses":    in(logical, `"responses":["`+string(response)+`"]`, `"responses":[]`),
		"a null response":      in(logical, `"`+string(response)+`"`, `null`),
		"a short response":     in(logical, string(response), "AAAA"),
		"no padding":           in(logical, string(response), strings.TrimSuffix(string(response), "=")),
		"trailing bits":        in(logical, string(response), string(response[:42])+nextInAlphabet(response[42])+"="),
		"a response twice":     in(logical, `["`+string(response)+`"]`, `["`+low+`","`+low+`"]`),
		"responses unsorted":   in(logical, `["`+string(response)+`"]`, `["`+high+`","`+low+`"]`),
		"gaps unsorted":        in(logical, `"pages","wal"`, `"wal","pages"`),
		"a gap twice":          in(logical, `"pages","wal"`, `"pages","pages"`),
		"null gaps":            in(later, `["pages","backups"]`, `null`),
		"an unknown word":      in(logical, `"owner"`, `"owners"`),
		"a later level's more": in(later, `"tool"`, `"actor":"owner","tool"`),
		"a later level's list": in(later, `"verified"`, `"responses":[],"verified"`),
		"an erasure's about":   in(logical, `"trigger"`, `"about":"`+numbered("receipt", 3).String()+`","trigger"`),
		"invalid UTF-8":        in(logical, "v1.0.0", "v\xff"),
		"deep nesting":         strings.Repeat(`{"rule":`, 20_000),
		"too long":             `{"version":"` + strings.Repeat("l", receipt.MaxReceipt) + `"}`,
	}
}

func nextInAlphabet(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return alphabet[strings.IndexByte(alphabet, c)+1:][:1]
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{logicalText(), laterText()} {
		if _, err := receipt.Parse([]byte(text)); err != nil {
			t.Fatal("the unchanged receipt is invalid:", err)
		}
	}
	for name, text := range notCanonical() {
		if _, err := receipt.Parse([]byte(text)); err == nil {
			t.Errorf("%s: got no error", name)
		} else {
			wantKind(t, err, receipt.BadReceipt)
			if len(err.Error()) > 300 {
				t.Errorf("%s: got an error of %d bytes, want at most 300", name, len(err.Error()))
			}
		}
	}
	two := strings.Replace(logicalText(), `"requests":1`, `"requests":2`, 1)
	a, b := single(0).Responses[0], receipt.CommitResponse(saltOf(0), numbered("response", 5))
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	first, _ := a.MarshalText()
	second, _ := b.MarshalText()
	response, _ := single(0).Responses[0].MarshalText()
	two = strings.Replace(two, `"`+string(response)+`"`, `"`+string(first)+`","`+string(second)+`"`, 1)
	if _, err := receipt.Parse([]byte(two)); err != nil {
		t.Errorf("two sorted responses: %v", err)
	}
}

// TestUnlinkable: in 10,000 receipts of the same owner and responses, no value occurs
// twice except those that reveal nothing about either. A new field of receipts must
// be classified here.
func TestUnlinkable(t *testing.T) {
	t.Parallel()
	const receipts = 10_000
	ids := []uuid.UUID{numbered("response", 1), numbered("response", 2)}
	constant := []string{
		"version", "log", "level", "trigger", "ground", "requested_at", "executed_at", "actor",
		"tool", "build", "method", "counts", "verified", "not_covered",
	}
	seen := map[string]bool{}
	values := 0
	for range receipts {
		salt := receipt.NewSalt()
		r := single(1)
		r.ID = uuid.New()
		r.Counts.Requests = int64(len(ids))
		r.Responses = nil
		for _, id := range ids {
			r.Responses = append(r.Responses, receipt.CommitResponse(salt, id))
		}
		r.Owners = []receipt.Commitment{receipt.CommitOwner(salt, owner)}
		data := encode(t, r)
		for _, secret := range []string{owner, ids[0].String(), ids[1].String()} {
			if bytes.Contains(data, []byte(secret)) {
				t.Fatalf("%s occurs in %s", secret, data)
			}
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			if slices.Contains(constant, name) {
				continue
			}
			var list []string
			if json.Unmarshal(value, &list) != nil {
				list = []string{string(value)}
			}
			for _, one := range list {
				values++
				if seen[one] {
					t.Fatalf("%s: the value %s occurs twice", name, one)
				}
				seen[one] = true
			}
		}
	}
	// The receipt's id, two responses and an owner.
	if values != 4*receipts {
		t.Errorf("checked only %d values of %d receipts", values, receipts)
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range everything() {
		f.Add(encode(f, r))
	}
	for _, text := range notCanonical() {
		if len(text) < 10_000 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := receipt.Parse(data)
		if err != nil {
			wantKind(t, err, receipt.BadReceipt)
			return
		}
		if again := encode(t, r); !bytes.Equal(again, data) {
			t.Errorf("accepted\n%s\nwhose canonical form is\n%s", data, again)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	chunk := single(1)
	chunk.Trigger = receipt.TriggerBulk
	for n := range 1000 {
		chunk.Responses = append(chunk.Responses, receipt.Commitment(saltOf(n)))
	}
	for _, c := range []struct {
		name string
		receipt.Receipt
	}{{"single", single(1)}, {"1000", chunk}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := receipt.Encode(c.Receipt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
