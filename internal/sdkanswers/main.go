// Command sdkanswers writes what the clients hold answers against: which of
// them the contract documents as a success, for each operation; and the names of
// its query's parameters, for those clients whose language lets any pass.
//
//	sdkanswers OPENAPI > answers.json
//	sdkanswers -generators OPENAPI > openapi.yaml
//
// The second form writes the contract as the clients' generators take it.
//
// It keeps what a client must be sure of, the status, the media type, headers
// and fields that are required, and the types of these, and leaves the rest.
// Words of an enumeration are left out on purpose: a newer service may have
// more of them.
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
	// Path is a regular expression for the end of a URL's path, since a service
	// may be below another one. Its groups are the path's parameters.
	Path    string            `json:"path"`
	Query   []string          `json:"query,omitempty"`
	Answers map[string]answer `json:"answers"` // by the status
}

type answer struct {
	Media   string           `json:"media,omitempty"` // without it, there is no body
	Schema  *shape           `json:"schema,omitempty"`
	Headers map[string]shape `json:"headers,omitempty"` // those that are required
	// Same are the fields in which the answer says again what the path's
	// parameters say, in the order of these.
	Same []string `json:"same,omitempty"`
}

// shape is what is left of a schema.
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

func main() {
	generators := flag.Bool("generators", false, "write the contract as the clients' generators take it")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: sdkanswers [-generators] OPENAPI")
		os.Exit(2)
	}
	err := error(nil)
	if *generators {
		err = writeForGenerators(flag.Arg(0), os.Stdout)
	} else {
		err = write(flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdkanswers:", err)
		os.Exit(1)
	}
}

func write(openapi string) error {
	document, err := openapi3.NewLoader().LoadFromFile(openapi)
	if err != nil {
		return err
	}
	table := answers{Schemas: map[string]shape{}}
	// What every error is.
	table.see(document.Components.Schemas["Problem"], "Problem")
	for path, item := range document.Paths.Map() {
		for method, o := range item.Operations() {
			known := operation{ID: o.OperationID, Method: method, Path: matching(path), Answers: map[string]answer{}}
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				if p.Value.In == openapi3.ParameterInQuery {
					known.Query = append(known.Query, p.Value.Name)
				}
			}
			for status, response := range o.Responses.Map() {
				// 304 is for who holds an older answer, which the clients do not.
				if !strings.HasPrefix(status, "2") {
					continue
				}
				a := table.answer(response.Value)
				var ok bool
				if a.Same, ok = table.same(path, a); !ok {
					return fmt.Errorf("%s answers %s with what does not say which one it is", o.OperationID, status)
				}
				known.Answers[status] = a
			}
			if len(known.Answers) == 0 {
				return fmt.Errorf("%s documents no success", o.OperationID)
			}
			table.Operations = append(table.Operations, known)
		}
	}
	slices.SortFunc(table.Operations, func(a, b operation) int { return cmp.Compare(a.ID, b.ID) })
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	return out.Encode(table)
}

var (
	parameter       = regexp.MustCompile(`\{([a-z_]+)\}`)
	quotedParameter = regexp.MustCompile(`\\\{[a-z_]+\\\}`)
)

// matching is a path's expression. An index of tiles has slashes in it.
func matching(path string) string {
	path = strings.ReplaceAll(regexp.QuoteMeta(path), `/\{index\}`, "/(.+)")
	return quotedParameter.ReplaceAllString(path, "([^/]+)") + "$"
}

// same are the fields by which an answer is known to be of what the path names:
// an identifier is its id, and everything else has the parameter's name. There
// are none in pages and tiles; where there should be some and are not, it is not
// ok.
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

// see puts a schema of the contract into the table.
func (t *answers) see(schema *openapi3.SchemaRef, name string) {
	if _, seen := t.Schemas[name]; seen {
		return
	}
	t.Schemas[name] = shape{} // for those that are within themselves
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
