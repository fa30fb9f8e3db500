package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe"
	"lethe/domain"
)

// contracted holds the operations of openapi.yaml by their identifiers.
var contracted = sync.OnceValues(func() (map[string]*operation, error) { return readContract(lethe.OpenAPI) })

// operation is an operation of the contract that requests are checked against.
type operation struct {
	profile
	path string // as in the contract
	// parameters are in the order in which the generated code binds them.
	parameters  []*openapi3.Parameter
	body        *openapi3.Schema // nil: takes no body
	conditional bool             // whether it takes If-None-Match
}

// places lists where parameters may be, in order. adapters/auth reads cookies.
var places = []string{openapi3.ParameterInPath, openapi3.ParameterInQuery, openapi3.ParameterInHeader}

// readContract fails if an operation has no profile, or a profile no operation.
func readContract(text []byte) (map[string]*operation, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	operations := make(map[string]*operation)
	for path, item := range doc.Paths.Map() {
		for _, stated := range item.Operations() {
			p, ok := profiles[stated.OperationID]
			if !ok {
				return nil, fmt.Errorf("operation %s of openapi.yaml has no profile in operations.go", stated.OperationID)
			}
			o := &operation{profile: p, path: path}
			for _, ref := range slices.Concat(item.Parameters, stated.Parameters) {
				if slices.Contains(places, ref.Value.In) {
					o.parameters = append(o.parameters, ref.Value)
				}
				o.conditional = o.conditional || ref.Value.Name == ifNoneMatchHeader
				s := ref.Value.Schema.Value
				if s.Items != nil {
					s = s.Items.Value
				}
				if s.Type.Is(openapi3.TypeInteger) {
					s.Format = "" // valueOf checks the format, and the library takes the largest for too large
				}
			}
			slices.SortStableFunc(o.parameters, func(a, b *openapi3.Parameter) int {
				return cmp.Compare(slices.Index(places, a.In), slices.Index(places, b.In))
			})
			if stated.RequestBody != nil {
				o.body = stated.RequestBody.Value.Content["application/json"].Schema.Value
			}
			operations[stated.OperationID] = o
		}
	}
	for id := range profiles {
		if operations[id] == nil {
			return nil, fmt.Errorf("operation %s of operations.go is not in openapi.yaml", id)
		}
	}
	return operations, nil
}

// Paths returns the paths of the contract as patterns for http.ServeMux.
func Paths() ([]string, error) {
	operations, err := contracted()
	paths := make(map[string]bool)
	for _, o := range operations {
		// A tile's index contains slashes.
		paths[strings.Replace(o.path, "{index}", "{index...}", 1)] = true
	}
	return slices.Collect(maps.Keys(paths)), err
}

// query returns the query parameter of that name, nil if there is none.
func (o *operation) query(name string) *openapi3.Parameter {
	for _, p := range o.parameters {
		if p.In == openapi3.ParameterInQuery && p.Name == name {
			return p
		}
	}
	return nil
}

// formats has a parser for each text format that this package parses itself. The
// parser's error describes a valid text.
var formats = map[string]func(text string) error{
	"uuid":        func(text string) error { _, err := domain.ParseID(text); return err },
	"cursor":      func(text string) error { _, err := domain.ParseCursor(text); return err },
	"time-of-day": func(text string) error { _, err := domain.ParseTimeOfDay(text); return err },
	"date-time":   func(text string) error { return new(instant).Bind(text) },
}

// ownWords returns the contract's own wording of a constraint, if it has one, such as
// for a pattern that a caller would not understand.
func ownWords(s *openapi3.Schema) string {
	if words, ok := s.Extensions["x-must-be"].(string); ok {
		return "must be " + words
	}
	return ""
}

// mustBe describes the kind of value that the schema accepts.
func mustBe(s *openapi3.Schema) string {
	if words := ownWords(s); words != "" {
		return words
	}
	if parse := formats[s.Format]; parse != nil {
		return parse("").Error()
	}
	orMore := ""
	if s.Min != nil && s.Max == nil {
		orMore = fmt.Sprintf(", %.15g or more", *s.Min)
	}
	switch {
	case len(s.Enum) > 1:
		last := len(s.Enum) - 1
		words := fmt.Sprint(s.Enum[0])
		for _, word := range s.Enum[1:last] {
			words += fmt.Sprintf(", %v", word)
		}
		return fmt.Sprintf("must be %s or %v", words, s.Enum[last])
	case s.Type.Is(openapi3.TypeBoolean):
		return "must be true or false"
	case s.Type.Is(openapi3.TypeInteger) && orMore != "":
		return "must be a whole number" + orMore + ", of at most 64 bits"
	case s.Type.Is(openapi3.TypeInteger):
		return "must be a whole number of at most 64 bits"
	case s.Type.Is(openapi3.TypeNumber):
		return "must be a number" + orMore
	}
	return "must be a string"
}

// check says what is wrong with the text of a parameter, if anything.
func check(s *openapi3.Schema, text string) (problem string) {
	if s.Type.Is(openapi3.TypeArray) {
		entries := strings.Split(text, ",")
		if s.MaxItems != nil && uint64(len(entries)) > *s.MaxItems {
			return fmt.Sprintf("must have at most %d entries", *s.MaxItems)
		}
		for _, entry := range entries {
			if problem := check(s.Items.Value, entry); problem != "" {
				return problem
			}
		}
		return ""
	}
	value, ok := valueOf(s, text)
	switch {
	case !ok:
		return mustBe(s)
	case formats[s.Format] != nil, s.VisitJSON(value, openapi3.FailFast()) == nil:
		return ""
	case s.Min != nil && s.Max != nil:
		return fmt.Sprintf("must be %.15g to %.15g", *s.Min, *s.Max)
	case s.Type.Is(openapi3.TypeString) && len(s.Enum) == 0 && ownWords(s) == "":
		return "must match its description in /openapi.yaml"
	}
	return mustBe(s)
}

// valueOf parses a text. Each value has one spelling, apart from leading zeros and the
// sign of a whole number.
func valueOf(s *openapi3.Schema, text string) (value any, ok bool) {
	switch {
	case s.Type.Is(openapi3.TypeInteger):
		n, err := strconv.ParseInt(text, 10, 64)
		return float64(n), err == nil
	case s.Type.Is(openapi3.TypeNumber):
		x, err := strconv.ParseFloat(text, 64)
		return x, err == nil && json.Valid([]byte(text)) // which refuses NaN
	case s.Type.Is(openapi3.TypeBoolean):
		return text == "true", text == "true" || text == "false"
	}
	parse := formats[s.Format]
	return text, parse == nil || parse(text) == nil
}
