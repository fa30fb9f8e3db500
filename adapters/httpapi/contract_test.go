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

// listRow is where the contract names a parameter of lists alone.
const listRow = "        - $ref: '#/components/parameters/CreatedByEmail'\n"

// contractWith is a copy of the contract in which text stands in the place of old.
func contractWith(t *testing.T, old, text string) []byte {
	t.Helper()
	changed := bytes.Replace(lethe.OpenAPI, []byte(old), []byte(text), 1)
	if bytes.Equal(changed, lethe.OpenAPI) {
		t.Fatalf("%q is not in the contract", old)
	}
	return changed
}

// TestAddedParameter: a parameter that is added to the contract alone is known,
// given once and held against its schema, and an error names it.
func TestAddedParameter(t *testing.T) {
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
					t.Errorf("%q: %v, and %q is named as unknown", value, err, header.Get(unknownHeader))
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
			// Another operation does not know it.
			if header, err := ask("listHolds", "added=x"); err != nil || header.Get(unknownHeader) != "added" {
				t.Errorf("%v, and %q is named as unknown", err, header.Get(unknownHeader))
			}
		})
	}
}

// TestContractHasWords: where the contract has a pattern that a caller may fail, it has
// words for it, too.
func TestContractHasWords(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for id, o := range operations {
		for _, p := range o.parameters {
			s := p.Schema.Value
			if s.Pattern == "" || s.Pattern == `^[^\x00]*$` { // which no text of a request fails
				continue
			}
			checked++
			if ownWords(s) == "" && formats[s.Format] == nil {
				t.Errorf("%s: %s has a pattern, and neither x-must-be nor a format that is known", id, p.Name)
			}
		}
	}
	if checked < 10 {
		t.Errorf("%d patterns were looked at", checked)
	}
}

// TestSizes: the contract says how large a query and a body may be.
func TestSizes(t *testing.T) {
	t.Parallel()
	said := strings.Join(strings.Fields(string(lethe.OpenAPI)), " ")
	if want := fmt.Sprintf("A query can have at most %d KiB, a body at most %d KiB.", maxQueryBytes>>10, MaxBodyBytes>>10); !strings.Contains(said, want) {
		t.Errorf("the contract does not say: %s", want)
	}
}

// TestCountModes: each word of the contract has a mode, and each mode a word.
func TestCountModes(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil {
		t.Fatal(err)
	}
	words := operations["listResponses"].query("count").Schema.Value.Enum
	for _, word := range words {
		if _, ok := countModes[fmt.Sprint(word)]; !ok {
			t.Errorf("%v has no mode", word)
		}
	}
	if len(words) != len(countModes) {
		t.Errorf("there are %d words for %d modes", len(words), len(countModes))
	}
}

// TestEveryOperationHasAProfile, and every profile an operation.
func TestEveryOperationHasAProfile(t *testing.T) {
	t.Parallel()
	operations, err := contracted()
	if err != nil || len(operations) < 28 {
		t.Fatalf("%d operations, %v", len(operations), err)
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
			t.Errorf("%s: got %v", change, err)
		}
	}
	_, rest, _ := strings.Cut(string(lethe.OpenAPI), "\n  /log/keys:\n")
	keys, _, _ := strings.Cut(rest, "\n  /log/tile")
	if _, err := readContract(contractWith(t, "  /log/keys:\n"+keys+"\n", "")); err == nil || err.Error() != "operation getLogKeys of operations.go is not in openapi.yaml" {
		t.Errorf("without an operation: %v", err)
	}
}

// TestAddedWords: words that are added to the contract alone are known, of a query and
// of a body, and others are kept for the answer.
func TestAddedWords(t *testing.T) {
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
			t.Errorf("%s: want %s to be unknown, got %s, %v", id, c.want, got, err)
		}
	}
}

// TestSpelledOnce: no file but operations.go, and those that are generated, spells an
// operation in a text; and none spells a state, which the contract does.
func TestSpelledOnce(t *testing.T) {
	t.Parallel()
	home := make(map[string]string) // where a text may be spelled
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
				t.Errorf("%s spells %s, which is for %s alone", file, text, only)
			}
			return true
		})
	}
	if searched < 10 || named < len(profiles) {
		t.Errorf("%d files were searched, and %d names found in %v", searched, named, files)
	}
}
