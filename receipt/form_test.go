package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/internal/constants"
)

// form describes a receipt to the checkers in other languages, as regular
// expressions that Python and JavaScript both understand. Rules that a regular
// expression cannot express, such as the order of commitments, are code in each
// checker, which the vectors test.
type form struct {
	Erasure  []string // one field per element; joined, the whole receipt
	Later    []string // of a later level
	Verified map[Level][]Verification
	Words    map[string][]string // that a field may hold, in order if they have one
}

const (
	formUUID       = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
	formTime       = `[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z`
	formPositive   = "[1-9][0-9]{0,15}"
	formNumber     = "(?:0|" + formPositive + ")"
	formCommitment = "[A-Za-z0-9+/]{43}="
)

// formOf has the forms of the fields that their type alone does not determine.
var formOf = map[string]string{
	"version":      quoted(Version),
	"log":          quoted(fmt.Sprintf(`[!#-*,-\[\]-~]{1,%d}`, maxText)),
	"build":        quoted(fmt.Sprintf(`[ !#-\[\]-~]{1,%d}`, maxText)),
	"tool":         quoted(tool),
	"method":       quoted(method),
	"rule.version": formPositive,
}

func quoted(expression string) string { return `"` + expression + `"` }

func anyOf(words []string) string { return "(?:" + strings.Join(words, "|") + ")" }

func sortedWords[K ~string, V any](table map[K]V) (words []string) {
	for _, word := range slices.Sorted(maps.Keys(table)) {
		words = append(words, string(word))
	}
	return words
}

// FormWords returns the words of each field, from the tables that Encode and Parse
// use.
func FormWords(t testing.TB) map[string][]string {
	t.Helper()
	words := map[string][]string{
		"level": sortedWords(levels), "trigger": sortedWords(triggers), "ground": sortedWords(grounds),
		"actor": sortedWords(actors), "kind": constants.OfType(t, "errors.go", "Kind"),
	}
	for _, gap := range gaps {
		words["not_covered"] = append(words["not_covered"], string(gap.Gap))
	}
	for field := range reflect.TypeFor[Counts]().Fields() {
		words["counts"] = append(words["counts"], field.Tag.Get("json"))
	}
	return words
}

// Form returns docs/vectors/form.json. Receipts that use every field show which
// fields each level has, and which are optional.
func Form(t testing.TB, receipts [][]byte) []byte {
	t.Helper()
	f := form{Verified: levels, Words: FormWords(t)}
	var erasures, later []map[string]json.RawMessage
	for _, data := range receipts {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		if string(fields["level"]) == strconv.Quote(string(LevelLogical)) {
			erasures = append(erasures, fields)
		} else {
			later = append(later, fields)
		}
	}
	f.Erasure = f.lines(t, erasures, []string{string(LevelLogical)})
	f.Later = f.lines(t, later, slices.DeleteFunc(slices.Clone(f.Words["level"]), func(level string) bool { return level == string(LevelLogical) }))
	return f.text(t)
}

// text returns JSON with each list on its own line, so that people can read it.
func (f form) text(t testing.TB) []byte {
	t.Helper()
	compact := func(v any) string {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out.String())
	}
	each := func(lines []string) (texts []string) {
		for _, line := range lines {
			texts = append(texts, compact(line))
		}
		return texts
	}
	var verified, words []string
	for _, level := range sortedWords(f.Verified) {
		verified = append(verified, compact(level)+": "+compact(f.Verified[Level(level)]))
	}
	for _, field := range sortedWords(f.Words) {
		words = append(words, compact(field)+": "+compact(f.Words[field]))
	}
	const between = ",\n    "
	text := fmt.Appendf(nil, "{\n  \"erasure\": [\n    %s\n  ],\n  \"later\": [\n    %s\n  ],\n  \"verified\": {\n    %s\n  },\n  \"words\": {\n    %s\n  }\n}\n",
		strings.Join(each(f.Erasure), between), strings.Join(each(f.Later), between), strings.Join(verified, between), strings.Join(words, between))
	if !json.Valid(text) {
		t.Fatalf("no JSON: %s", text)
	}
	return text
}

// lines returns the forms of all fields of these receipts, in order.
func (f form) lines(t testing.TB, receipts []map[string]json.RawMessage, levels []string) (lines []string) {
	t.Helper()
	words := maps.Clone(f.Words)
	words["level"] = levels
	for field := range reflect.TypeFor[wire]().Fields() {
		name := jsonName(field)
		with := 0
		for _, receipt := range receipts {
			if _, has := receipt[name]; has {
				with++
			}
		}
		// The rule is part of the trigger's form, because only one trigger has it.
		if with == 0 || name == "rule" {
			continue
		}
		line := fmt.Sprintf(`,"%s":%s`, name, expression(t, field.Type, name, words))
		if with < len(receipts) {
			line = "(?:" + line + ")?"
		}
		lines = append(lines, line)
	}
	lines[0] = `\{` + strings.TrimPrefix(lines[0], ",")
	return append(lines, `\}`)
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func expression(t testing.TB, of reflect.Type, name string, words map[string][]string) string {
	t.Helper()
	if known := formOf[name]; known != "" {
		return known
	}
	switch of {
	case reflect.TypeFor[uuid.UUID]():
		return quoted(formUUID)
	case reflect.TypeFor[moment]():
		return quoted(formTime)
	case reflect.TypeFor[int64]():
		return formNumber
	case reflect.TypeFor[*[]Commitment]():
		return listOf(quoted(formCommitment))
	case reflect.TypeFor[[]uuid.UUID](): // never empty
		return fmt.Sprintf(`\[%[1]s(?:,%[1]s){0,%[2]d}\]`, quoted(formUUID), MaxParts-1)
	case reflect.TypeFor[[]Gap]():
		return listOf(quoted(anyOf(words[name])))
	case reflect.TypeFor[Trigger]():
		others := slices.DeleteFunc(slices.Clone(words[name]), func(word string) bool { return word == string(TriggerRetention) })
		return fmt.Sprintf(`(?:%s|%s,"rule":%s)`, quoted(anyOf(others)), quoted(string(TriggerRetention)), object(t, reflect.TypeFor[wireRule](), "rule", words))
	case reflect.TypeFor[*Counts]():
		return object(t, reflect.TypeFor[Counts](), name, words)
	case reflect.TypeFor[Verification]():
		var all []string
		for _, level := range words["level"] {
			for _, verification := range levels[Level(level)] {
				all = append(all, regexp.QuoteMeta(string(verification)))
			}
		}
		return quoted(anyOf(all))
	}
	if len(words[name]) == 0 {
		t.Fatalf("the form of %s is not known: add its type, %s, to this function", name, of)
	}
	return quoted(anyOf(words[name]))
}

func listOf(item string) string { return fmt.Sprintf(`\[(?:%[1]s(?:,%[1]s)*)?\]`, item) }

func object(t testing.TB, of reflect.Type, name string, words map[string][]string) string {
	t.Helper()
	var fields []string
	for field := range of.Fields() {
		fields = append(fields, fmt.Sprintf(`"%s":%s`, jsonName(field), expression(t, field.Type, name+"."+jsonName(field), words)))
	}
	return `\{` + strings.Join(fields, ",") + `\}`
}

// TestWordTables: the tables of words hold every constant, and nothing else.
func TestWordTables(t *testing.T) {
	t.Parallel()
	words := FormWords(t)
	for field, of := range map[string]string{"level": "Level", "trigger": "Trigger", "ground": "Ground", "actor": "Actor", "not_covered": "Gap"} {
		want := slices.Sorted(slices.Values(constants.OfType(t, "words.go", of)))
		if got := slices.Sorted(slices.Values(words[field])); !slices.Equal(got, want) {
			t.Errorf("%s: want the constants %v, got %v", of, want, got)
		}
	}
	for level := range levels {
		if (reached[level] == "") != (level == LevelLogical) {
			t.Errorf("level %s: want a meaning in reached for each later level, and for no other", level)
		}
	}
}

// TestSentenceNamesEveryCount: the sentence of a receipt names every count.
func TestSentenceNamesEveryCount(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[Counts]().Fields() {
		r := Receipt{Level: LevelLogical}
		reflect.ValueOf(&r.Counts).Elem().FieldByIndex(field.Index).SetInt(4711)
		if !strings.Contains(r.sentence(), "4711 ") {
			t.Errorf("%s is not in %q", field.Name, r.sentence())
		}
	}
}
