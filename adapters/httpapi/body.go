package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
)

// bodyBinder reads the bodies of the operations that take one. Like guard, it accepts
// only what has a single reading, and names what it refuses.
type bodyBinder struct{}

func (bodyBinder) Bind(into any, c echo.Context) error {
	r := c.Request()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &requestProblem{status: http.StatusUnsupportedMediaType,
			detail: "The request body must be JSON with Content-Type: application/json"}
	}
	text, err := io.ReadAll(r.Body) // no more than limitBody has read
	if err != nil {
		return err
	}
	if !utf8.Valid(text) || !json.Valid(text) {
		return invalid("", "The request body must be a single JSON value in UTF-8")
	}
	a := askedOf(c)
	return a.decodeBody(bytes.TrimSpace(text), reflect.ValueOf(into).Elem(), a.body, "")
}

// decodeBody decodes a value of valid JSON and checks it against schema. path is its
// place in the body. Names are compared exactly, which encoding/json does not do.
func (a *asked) decodeBody(text []byte, into reflect.Value, schema *openapi3.Schema, path string) error {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	_, asJSON := into.Addr().Interface().(json.Unmarshaler)
	_, asText := into.Addr().Interface().(encoding.TextUnmarshaler)
	own := asJSON || asText
	switch {
	case string(text) == "null":
		return refuse(path, "must not be null; leave it out instead")
	case !own && into.Kind() == reflect.Struct:
		return a.decodeObject(text, into, schema, path)
	case !own && into.Kind() == reflect.Slice:
		return a.decodeList(text, into, schema.Items.Value, path)
	case json.Unmarshal(text, into.Addr().Interface()) != nil:
		return refuse(path, mustBe(schema))
	}
	if parse := formats[schema.Format]; parse != nil {
		var given string
		if json.Unmarshal(text, &given) != nil || parse(given) != nil {
			return refuse(path, mustBe(schema))
		}
	}
	if into.Kind() == reflect.String {
		name, _, _ := strings.Cut(path, "[") // the name of the list
		a.note(name, schema, into.String())
	}
	return nil
}

func (a *asked) decodeObject(text []byte, into reflect.Value, schema *openapi3.Schema, path string) error {
	if text[0] != '{' {
		return refuse(path, "must be an object")
	}
	fields := make(map[string]reflect.Value)
	var names []string
	for i := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = into.Field(i)
		names = append(names, name)
	}
	given := make(map[string]bool)
	return members(text, func(d *json.Decoder) error {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := token.(string) // valid JSON has no other
		field, known := fields[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case !known:
			return refuse(at, "is not a known field; use "+strings.Join(names, ", "))
		case given[name]:
			return refuse(at, "must be given once")
		}
		given[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		return a.decodeBody(value, field, schema.Properties[name].Value, at)
	})
}

func (a *asked) decodeList(text []byte, into reflect.Value, entries *openapi3.Schema, path string) error {
	if text[0] != '[' {
		return refuse(path, "must be a list")
	}
	list := reflect.MakeSlice(into.Type(), 0, 0)
	err := members(text, func(d *json.Decoder) error {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		entry := reflect.New(into.Type().Elem()).Elem()
		if err := a.decodeBody(value, entry, entries, fmt.Sprintf("%s[%d]", path, list.Len())); err != nil {
			return err
		}
		list = reflect.Append(list, entry)
		return nil
	})
	into.Set(list)
	return err
}

// members calls read at each member of an object or a list.
func members(text []byte, read func(*json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

// maxNamed is how much of a name made up by the caller is repeated back, in bytes.
const maxNamed = 100

func refuse(path, problem string) error {
	if path == "" {
		return invalid("", "The request body "+problem)
	}
	if len(path) > maxNamed {
		path = strings.ToValidUTF8(path[:maxNamed], "") + "…"
	}
	return invalid(path, path+": "+problem)
}
