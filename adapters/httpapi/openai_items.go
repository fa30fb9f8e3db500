package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"lethe/domain"
)

const inputItemsByDefault = 20

func (s *server) ListOpenAIInputItems(ctx context.Context, request ListOpenAIInputItemsRequestObject) (ListOpenAIInputItemsResponseObject, error) {
	whole, err := s.wholeResponse(ctx, request.ResponseId, true)
	if err != nil {
		return nil, err
	}
	items := inputItems(whole.ID, whole.Parts[0].Prompt)
	p := request.Params
	if given(p.Order) != "asc" {
		slices.Reverse(items)
	}
	if p.After != nil {
		at := slices.IndexFunc(items, func(i inputItem) bool { return i.id == *p.After })
		if at < 0 {
			return nil, invalid("after", "after: must be the identifier of an input item of this response")
		}
		items = items[at+1:]
	}
	limit := inputItemsByDefault
	if p.Limit != nil {
		limit = int(*p.Limit)
	}
	page := OpenAIInputItems{Object: "list", HasMore: len(items) > limit}
	items = items[:min(limit, len(items))]
	page.Data = convert(items, inputItem.encoded)
	if len(items) > 0 {
		page.FirstId, page.LastId = &items[0].id, &items[len(items)-1].id
	}
	return ListOpenAIInputItems200JSONResponse{Body: page}, nil
}

// inputItem is an item of a prompt.
type inputItem struct {
	id     string
	fields map[string]json.RawMessage
}

func (i inputItem) encoded() rawItem { return encode(i.fields) }

// inputItems returns the items of a prompt, each with an identifier of its own. A prompt
// of another form has none.
func inputItems(response uuid.UUID, prompt string) []inputItem {
	var body struct {
		Input    json.RawMessage              `json:"input"`
		Messages []map[string]json.RawMessage `json:"messages"`
	}
	if json.Unmarshal([]byte(prompt), &body) != nil {
		return nil
	}
	given := body.Messages
	var text string
	switch {
	case json.Unmarshal(body.Input, &text) == nil && !isNull(body.Input):
		given = []map[string]json.RawMessage{{"role": encode("user"), "content": body.Input}}
	case bytes.HasPrefix(body.Input, []byte("[")):
		given = nil
		if json.Unmarshal(body.Input, &given) != nil {
			return nil
		}
	}
	used := make(map[string]bool)
	items := make([]inputItem, 0, len(given))
	for i, fields := range given {
		if fields == nil {
			continue // null
		}
		item := inputItem{fields: fields}
		completeMessage(fields)
		_ = json.Unmarshal(fields["id"], &item.id) // else it has none
		if item.id == "" || used[item.id] {
			kind := "item"
			if stringOf(fields["type"]) == "message" {
				kind = "msg"
			}
			item.id = fmt.Sprintf("%s_%x_%d", kind, response[:], i)
			fields["id"] = encode(item.id)
		}
		used[item.id] = true
		items = append(items, item)
	}
	return items
}

// completeMessage gives a message, which clients may send in short, the form in which
// OpenAI returns it.
func completeMessage(fields map[string]json.RawMessage) {
	role := stringOf(fields["role"])
	if fields["type"] == nil && role != "" {
		fields["type"] = encode("message")
	}
	if stringOf(fields["type"]) != "message" {
		return
	}
	if fields["status"] == nil {
		fields["status"] = encode(domain.StatusCompleted)
	}
	kind := "input_text"
	if role == "assistant" {
		kind = "output_text"
	}
	part := func(text json.RawMessage) map[string]json.RawMessage {
		made := map[string]json.RawMessage{"type": encode(kind), "text": text}
		if kind == "output_text" {
			made["annotations"] = encode([]string{})
		}
		return made
	}
	content := fields["content"]
	var text string
	var parts []map[string]json.RawMessage
	switch {
	case isNull(content):
		fields["content"] = encode([]string{})
	case json.Unmarshal(content, &text) == nil:
		fields["content"] = encode([]any{part(content)})
	case json.Unmarshal(content, &parts) == nil:
		for i, p := range parts { // those of a chat have other names
			switch stringOf(p["type"]) {
			case "text":
				parts[i] = part(p["text"])
			case "image_url":
				var image struct{ URL, Detail string }
				if json.Unmarshal(p["image_url"], &image) == nil {
					if image.Detail == "" {
						image.Detail = "auto"
					}
					parts[i] = map[string]json.RawMessage{"type": encode("input_image"), "image_url": encode(image.URL), "detail": encode(image.Detail)}
				}
			}
		}
		fields["content"] = encode(parts)
	}
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// stringOf returns the text of a JSON string, empty for anything else.
func stringOf(raw json.RawMessage) (text string) {
	_ = json.Unmarshal(raw, &text)
	return text
}

// encode encodes what always has a form in JSON.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
