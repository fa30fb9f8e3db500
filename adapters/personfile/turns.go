package personfile

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"lethe/domain"
)

// maxShown is how much of a text a page shows, in bytes; data/responses.ndjson has all.
const maxShown = 1 << 20

// turn is what somebody said.
type turn struct {
	Role, Text string
	Cut        bool
}

func newTurn(role, text string) turn {
	cut := len(text) > maxShown
	if cut {
		n := maxShown
		for n > maxShown-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	return turn{role, text, cut}
}

// message is one of a request or of an answer, as clients of several interfaces write it.
type message struct {
	Role    string          `json:"role"`
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// exchange is what requests and answers have of the parts that are shown.
type exchange struct {
	Instructions json.RawMessage `json:"instructions"`
	Messages     []message       `json:"messages"`
	Input        json.RawMessage `json:"input"`
	Prompt       json.RawMessage `json:"prompt"`
	Choices      []struct {
		Message message         `json:"message"`
		Text    json.RawMessage `json:"text"`
	} `json:"choices"`
	Output []message `json:"output"`
}

// turnsOf returns what a response says, readably where its form is known, else as stored.
func turnsOf(r domain.ResponseDetail) []turn {
	turns := turnsIn("user", r.Prompt)
	if r.Answer != nil {
		turns = append(turns, turnsIn("assistant", *r.Answer)...)
	}
	if r.Error != nil && *r.Error != "" {
		turns = append(turns, newTurn("error", *r.Error))
	}
	return turns
}

func turnsIn(role, stored string) (turns []turn) {
	if stored == "" {
		return nil
	}
	add := func(role string, content json.RawMessage) {
		if text := readable(content); text != "" {
			turns = append(turns, newTurn(role, text))
		}
	}
	addAll := func(messages []message) {
		for _, m := range messages {
			if m.Role == "" {
				m.Role = role
			}
			add(m.Role, m.Content)
		}
	}
	var x exchange
	if err := json.Unmarshal([]byte(stored), &x); err == nil {
		add("instructions", x.Instructions)
		addAll(x.Messages)
		var messages []message
		if json.Unmarshal(x.Input, &messages) == nil {
			addAll(messages)
		} else {
			add(role, x.Input)
		}
		add(role, x.Prompt)
		for _, c := range x.Choices {
			addAll([]message{c.Message})
			add(role, c.Text)
		}
		addAll(x.Output)
	}
	if len(turns) == 0 {
		turns = append(turns, newTurn(role, stored))
	}
	return turns
}

// readable returns a text, or the texts of the parts of a content; anything else as JSON.
func readable(content json.RawMessage) string {
	if len(content) == 0 || string(content) == "null" {
		return ""
	}
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return string(content)
	}
	var texts []string
	for _, p := range parts {
		if p.Text == nil {
			return string(content)
		}
		texts = append(texts, *p.Text)
	}
	return strings.Join(texts, "\n")
}
