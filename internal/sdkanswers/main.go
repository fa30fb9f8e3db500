// Command sdkanswers writes what the clients check answers against: the successes that the
// contract documents for each operation; the names of query parameters, for clients whose
// language does not check them; which calls take an Idempotency-Key; and which list by
// cursor.
//
//	sdkanswers OPENAPI > answers.json
//	sdkanswers -generators OPENAPI > openapi.yaml
//	sdkanswers -go-lists OPENAPI > lists.gen.go
//
// The second form writes the contract for the clients' generators, the third the iterators
// of the Go client, whose types no generator makes.
//
// It keeps what a client must rely on: the status, the media type, and the required
// headers and fields with their types. It omits the values of enumerations, since a newer
// service may have more of them.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// answers is the whole table.
type answers struct {
	Operations []operation      `json:"operations"`
	Schemas    map[string]shape `json:"schemas"`
}

type operation struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	// Path is a regular expression for the end of a URL's path, since a service may have a
	// path prefix. Its groups are the path's parameters.
	Path    string            `json:"path"`
	Query   []string          `json:"query,omitempty"`
	Keyed   bool              `json:"keyed,omitempty"` // takes an Idempotency-Key
	Item    string            `json:"item,omitempty"`  // the schema of an item, if it lists by cursor
	Answers map[string]answer `json:"answers"`         // by status
}

type answer struct {
	Media   string           `json:"media,omitempty"` // empty: no body
	Schema  *shape           `json:"schema,omitempty"`
	Headers map[string]shape `json:"headers,omitempty"` // required ones
	// Same are the fields that repeat the path's parameters, in the order of these.
	Same []string `json:"same,omitempty"`
}

// shape is the part of a schema that is checked.
type shape struct {
	Ref        string           `json:"ref,omitempty"`
	All        []shape          `json:"all,omitempty"`
	Type       string           `json:"type,omitempty"`
	Format     string           `json:"format,omitempty"`
	Pattern    string           `json:"pattern,omitempty"`
	Nullable   bool             `json:"nullable,omitempty"`
	Items      *shape           `json:"items,omitempty"`
	Required   []string         `json:"required,omitempty"`
	Properties map[string]shape `json:"properties,omitempty"`
}

// streamed are the operations that the clients lack: they read each answer whole, and
// these answers are of any length. Any HTTP client can write one to a file.
var streamed = []string{"exportResponses", "downloadPersonFile"}

func main() {
	generators := flag.Bool("generators", false, "write the contract for the clients' generators")
	lists := flag.Bool("go-lists", false, "write the Go client's iterators")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: sdkanswers [-generators | -go-lists] OPENAPI")
		os.Exit(2)
	}
	err := error(nil)
	switch {
	case *generators:
		err = writeForGenerators(flag.Arg(0), os.Stdout)
	case *lists:
		err = writeGoLists(flag.Arg(0), os.Stdout)
	default:
		err = write(flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdkanswers:", err)
		os.Exit(1)
	}
}

func write(openapi string) error {
	table, _, err := read(openapi)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	return out.Encode(table)
}

// read returns the table of a contract, and the contract.
func read(openapi string) (answers, *openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromFile(openapi)
	if err != nil {
		return answers{}, nil, err
	}
	table := answers{Schemas: map[string]shape{}}
	// The shape of every error.
	table.see(document.Components.Schemas["Problem"], "Problem")
	for path, item := range document.Paths.Map() {
		if strings.HasPrefix(path, openAIPath) {
			continue
		}
		for method, o := range item.Operations() {
			if slices.Contains(streamed, o.OperationID) {
				continue
			}
			known := operation{ID: o.OperationID, Method: method, Path: matching(path), Answers: map[string]answer{}}
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				if p.Value.In == openapi3.ParameterInQuery {
					known.Query = append(known.Query, p.Value.Name)
				}
				known.Keyed = known.Keyed || p.Value.Name == "Idempotency-Key"
			}
			for status, response := range o.Responses.Map() {
				// 304 is for clients with a cached answer, which these do not have.
				if !strings.HasPrefix(status, "2") {
					continue
				}
				a := table.answer(response.Value)
				var ok bool
				if a.Same, ok = table.same(path, a); !ok {
					return answers{}, nil, fmt.Errorf("the answer of %s with status %s does not identify its resource", o.OperationID, status)
				}
				known.Answers[status] = a
				if a.Schema != nil && table.requires(*a.Schema, "next_cursor") {
					known.Item = table.Schemas[a.Schema.Ref].Properties["data"].Items.Ref
				}
			}
			if len(known.Answers) == 0 {
				return answers{}, nil, fmt.Errorf("%s documents no success", o.OperationID)
			}
			table.Operations = append(table.Operations, known)
		}
	}
	slices.SortFunc(table.Operations, func(a, b operation) int { return cmp.Compare(a.ID, b.ID) })
	return table, document, nil
}

var (
	parameter       = regexp.MustCompile(`\{([a-z_]+)\}`)
	quotedParameter = regexp.MustCompile(`\\\{[a-z_]+\\\}`)
)

// matching returns a path's expression. A tile's index contains slashes.
func matching(path string) string {
	path = strings.ReplaceAll(regexp.QuoteMeta(path), `/\{index\}`, "/(.+)")
	return quotedParameter.ReplaceAllString(path, "([^/]+)") + "$"
}

// same returns the fields that identify an answer as that of the resource in the path: id
// for an identifier, else the field with the parameter's name. Pages and tiles have none.
// It is not ok if such a field is missing.
func (t *answers) same(path string, a answer) (fields []string, ok bool) {
	for _, name := range parameter.FindAllStringSubmatch(path, -1) {
		if strings.HasSuffix(name[1], "_id") {
			name[1] = "id"
		}
		fields = append(fields, name[1])
	}
	switch a.Media {
	case "application/json":
		if len(fields) == 0 || t.requires(*a.Schema, "next_cursor") {
			return nil, true
		}
		return fields, !slices.ContainsFunc(fields, func(field string) bool { return !t.requires(*a.Schema, field) })
	case "text/event-stream", "text/plain": // erasures and receipts
		return fields, true
	}
	return nil, true
}

func (t *answers) requires(s shape, field string) bool {
	return slices.Contains(s.Required, field) || s.Ref != "" && t.requires(t.Schemas[s.Ref], field) ||
		slices.ContainsFunc(s.All, func(part shape) bool { return t.requires(part, field) })
}

func (t *answers) answer(response *openapi3.Response) answer {
	var a answer
	for media, content := range response.Content {
		a.Media = media
		if media == "application/json" {
			s := t.shape(content.Schema)
			a.Schema = &s
		}
	}
	for name, header := range response.Headers {
		if header.Value.Required {
			if a.Headers == nil {
				a.Headers = map[string]shape{}
			}
			a.Headers[name] = t.shape(header.Value.Schema)
		}
	}
	return a
}

// see adds a schema of the contract to the table.
func (t *answers) see(schema *openapi3.SchemaRef, name string) {
	if _, seen := t.Schemas[name]; seen {
		return
	}
	t.Schemas[name] = shape{} // for recursive schemas
	t.Schemas[name] = t.shape(&openapi3.SchemaRef{Value: schema.Value})
}

func (t *answers) shape(schema *openapi3.SchemaRef) shape {
	if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
		t.see(schema, name)
		return shape{Ref: name}
	}
	v := schema.Value
	s := shape{Format: v.Format, Pattern: v.Pattern, Nullable: v.Nullable, Required: slices.Clone(v.Required)}
	slices.Sort(s.Required)
	if types := v.Type.Slice(); len(types) == 1 {
		s.Type = types[0]
	}
	for _, part := range v.AllOf {
		s.All = append(s.All, t.shape(part))
	}
	if v.Items != nil {
		items := t.shape(v.Items)
		s.Items = &items
	}
	for name, property := range v.Properties {
		if s.Properties == nil {
			s.Properties = map[string]shape{}
		}
		s.Properties[name] = t.shape(property)
	}
	return s
}
