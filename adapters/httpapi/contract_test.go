package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"lethe"
	"lethe/domain"
)

// listRow is where the contract names a parameter that only lists have.
const listRow = "        - $ref: '#/components/parameters/CreatedByEmail'\n"

// contractWith is a copy of the contract with old replaced by text.
func contractWith(t *testing.T, old, text string) []byte {
	t.Helper()
	changed := bytes.Replace(lethe.OpenAPI, []byte(old), []byte(text), 1)
	if bytes.Equal(changed, lethe.OpenAPI) {
		t.Fatalf("the contract does not contain %q", old)
	}
	return changed
}

// TestParameterAddedToContract: a parameter added to the contract alone is known, accepted
// only once and checked against its schema, and errors name it.
func TestParameterAddedToContract(t *testing.T) {
	t.Parallel()
	for schema, c := range map[string]struct {
		taken, refused []string
		mustBe         string
	}{
		`{type: string}`:                                           {[]string{"", "a,b", "é"}, nil, ""},
		`{type: string, format: uuid}`:                             {[]string{"c0000100000040008000000000000003"}, []string{"", "x"}, domain.ErrNoID.Error()},
		`{type: string, format: date-time}`:                        {[]string{"2026-03-01t12:00:00z"}, []string{"", "2026-03-01"}, errNoInstant.Error()},
		`{type: string, format: cursor}`:                           {nil, []string{"", "abc"}, domain.ErrNoCursor.Error()},
		`{type: string, enum: [a, b, c]}`:                          {[]string{"a", "c"}, []string{"", "A", "d"}, "must be a, b or c"},
		`{type: string, pattern: '^[a-z]+$', x-must-be: small}`:    {[]string{"abc"}, []string{"", "Abc"}, "must be small"},
		`{type: string, maxLength: 2}`:                             {[]string{"", "éé"}, []string{"abc"}, "must match its description in /openapi.yaml"},
		`{type: boolean}`:                                          {[]string{"true", "false"}, []string{"", "1", "True", "t"}, "must be true or false"},
		`{type: integer, format: int64}`:                           {[]string{"-5", "9223372036854775807", "-9223372036854775808"}, []string{"", "1.0", "1e3", "9223372036854775808"}, "must be a whole number of at most 64 bits"},
		`{type: integer, format: int64, minimum: 0}`:               {[]string{"0", "9223372036854775807"}, []string{"-1", "x"}, "must be a whole number, 0 or more, of at most 64 bits"},
		`{type: integer, format: int64, minimum: 1, maximum: 24}`:  {[]string{"1", "24"}, []string{"0", "25"}, "must be 1 to 24"},
		`{type: integer, minimum: 1, maximum: 1000000}`:            {[]string{"1000000"}, []string{"1000001"}, "must be 1 to 1000000"},
		`{type: array, items: {type: integer, format: int64}}`:     {[]string{"9223372036854775807,1"}, []string{"1,x"}, "must be a whole number of at most 64 bits"},
		`{type: number}`:                                           {[]string{"-0.5", "1e3"}, []string{"", "NaN", "Inf", "0x1p4", "1_0", " 1", "1e999"}, "must be a number"},
		`{type: number, minimum: 0}`:                               {[]string{"0", "0.25"}, []string{"-0.1", "x"}, "must be a number, 0 or more"},
		`{type: array, maxItems: 2, items: {type: string}}`:        {[]string{"", "a,b"}, []string{"a,b,c"}, "must have at most 2 entries"},
		`{type: array, items: {type: string, enum: [few, many]}}`:  {[]string{"few,many"}, []string{"few,some", ""}, "must be few or many"},
		`{type: array, items: {type: integer, minimum: 1}}`:        {[]string{"1,2"}, []string{"1,0", "1,"}, "must be a whole number, 1 or more, of at most 64 bits"},
		`{type: integer, format: int32, minimum: 0, x-must-be: x}`: {[]string{"7"}, []string{"-7"}, "must be x"},
	} {
		t.Run(schema, func(t *testing.T) {
			t.Parallel()
			operations, err := readContract(contractWith(t, listRow, listRow+"        - {name: added, in: query, style: form, explode: false, schema: "+schema+"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			ask := func(id, query string) (header http.Header, err error) {
				w := httptest.NewRecorder()
				c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/?"+query, nil), w)
				err = operations[id].guard(func(c echo.Context) error { return c.NoContent(http.StatusOK) })(c)
				return w.Header(), err
			}
			for _, value := range c.taken {
				if header, err := ask("listResponses", "added="+url.QueryEscape(value)); err != nil || header.Get(unknownHeader) != "" {
					t.Errorf("%q: got error %v and unknown parameters %q, want neither", value, err, header.Get(unknownHeader))
				}
			}
			refused := map[string]string{"added=%00": "must be UTF-8, without NUL bytes"}
			for _, value := range c.refused {
				refused["added="+url.QueryEscape(value)] = c.mustBe
			}
			for _, value := range c.taken {
				refused["added="+url.QueryEscape(value)+"&added="+url.QueryEscape(value)] = "must be given once"
			}
			for query, mustBe := range refused {
				_, err := ask("listResponses", query)
				if p, ok := errors.AsType[*requestProblem](err); !ok || p.status != http.StatusBadRequest || p.parameter != "added" || p.detail != "added: "+mustBe {
					t.Errorf("%s: got %v, want %s", query, err, mustBe)
				}
			}
			// It is unknown to another operation.
			if header, err := ask("listHolds", "added=x"); err != nil || header.Get(unknownHeader) != "added" {
				t.Errorf("listHolds: got error %v and unknown parameters %q, want only added to be unknown", err, header.Get(unknownHeader))
			}
		})
	}
}

// TestContractExplainsPatterns: every pattern of the contract that a caller can violate has
// an explanation.
func TestContractExplainsPatterns(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for id, o := range operations {
		for _, p := range o.parameters {
			s := p.Schema.Value
			if s.Pattern == "" || s.Pattern == `^[^\x00]*$` { // which no request can violate
				continue
			}
			checked++
			if ownWords(s) == "" && formats[s.Format] == nil {
				t.Errorf("%s: %s has a pattern, but neither x-must-be nor a known format", id, p.Name)
			}
		}
	}
	if checked < 10 {
		t.Errorf("checked %d patterns, want at least 10", checked)
	}
}

// TestContractStatesSizeLimits: the contract states the size limits of a query and a body.
func TestContractStatesSizeLimits(t *testing.T) {
	t.Parallel()
	said := strings.Join(strings.Fields(string(lethe.OpenAPI)), " ")
	if want := fmt.Sprintf("A query can have at most %d KiB, a body at most %d KiB.", maxQueryBytes>>10, MaxBodyBytes>>10); !strings.Contains(said, want) {
		t.Errorf("the contract lacks: %s", want)
	}
}

// TestCountModes: the contract and the code have the same count modes.
func TestCountModes(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil {
		t.Fatal(err)
	}
	words := operations["listResponses"].query("count").Schema.Value.Enum
	for _, word := range words {
		if _, ok := countModes[fmt.Sprint(word)]; !ok {
			t.Errorf("%v of the contract has no mode", word)
		}
	}
	if len(words) != len(countModes) {
		t.Errorf("the contract has %d modes, the code %d", len(words), len(countModes))
	}
}

// TestOperationProfiles, and every profile has an operation.
func TestOperationProfiles(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil || len(operations) < 28 {
		t.Fatalf("got %d operations (error %v), want at least 28", len(operations), err)
	}
	for id, o := range operations {
		if o.cost < lists || o.cost > streams {
			t.Errorf("%s has no cost", id)
		}
	}
	for change, want := range map[string]string{
		"operationId: renamed": "operation renamed of openapi.yaml has no profile",
		"x-none: none":         "has no profile",
	} {
		if _, err := readContract(contractWith(t, "operationId: listHolds", change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in the error", change, err, want)
		}
	}
	_, rest, _ := strings.Cut(string(lethe.OpenAPI), "\n  /log/keys:\n")
	keys, _, _ := strings.Cut(rest, "\n  /log/tile")
	if _, err := readContract(contractWith(t, "  /log/keys:\n"+keys+"\n", "")); err == nil || err.Error() != "operation getLogKeys of operations.go is not in openapi.yaml" {
		t.Errorf("operation missing: got %v", err)
	}
}

// TestValuesAddedToContract: values added to the contract alone are known, in a query and in a
// body; others are reported as unknown.
func TestValuesAddedToContract(t *testing.T) {
	t.Parallel()
	const states = "&states [pending, "
	operations, err := readContract(contractWith(t, states, states+"paused, "))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"reason":"r","filter":{"states":["paused","failed","posed"],"tiers":["fast"]}}`
	for id, c := range map[string]struct{ target, body, want string }{
		"listResponses": {"/?status=paused&statuses=failed,,+posed,posed,paused&service_tiers=fast,flex&model=none", "", "statuses=posed service_tiers=fast"},
		"placeHold":     {"/", body, "filter.states=posed filter.tiers=fast"},
	} {
		r := httptest.NewRequest(http.MethodPost, c.target, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		var words []string
		err := operations[id].guard(func(c echo.Context) error {
			var err error
			if askedOf(c).body != nil {
				err = bodyBinder{}.Bind(new(NewHold), c)
			}
			words = askedOf(c).words
			return err
		})(echo.New().NewContext(r, httptest.NewRecorder()))
		if got := strings.Join(words, " "); err != nil || got != c.want {
			t.Errorf("%s: want the unknown values %s, got %s (error %v)", id, c.want, got, err)
		}
	}
}

// TestOperationNamesSpelledOnce: only operations.go and generated files spell the name of an
// operation, and only the contract spells a state.
func TestOperationNamesSpelledOnce(t *testing.T) {
	t.Parallel()
	home := make(map[string]string) // the only file that may contain a text
	for id := range profiles {
		home[strings.ToLower(id)] = "operations.go"
	}
	operations, err := contracted()
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{"listResponses": "statuses", "listErasures": "state"} {
		for _, word := range operations[id].query(name).Schema.Value.Items.Value.Extensions["x-known-words"].([]any) {
			home[word.(string)] = "openapi.yaml"
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	searched, named := 0, 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".gen.go") {
			continue
		}
		searched++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(literal.Value)
			only, ok := home[strings.ToLower(text)]
			if ok {
				named++
			}
			if ok && only != file {
				t.Errorf("%s contains %s, which belongs in %s only", file, text, only)
			}
			return true
		})
	}
	if searched < 10 || named < len(profiles) {
		t.Errorf("searched %d files and found %d names in %v, want at least 10 files and every operation", searched, named, files)
	}
}
