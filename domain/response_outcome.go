package domain

import (
	"encoding/json"
	"time"
)

// OpenAI's words for the states of a response.
const (
	StatusQueued     = "queued"
	StatusInProgress = "in_progress"
	StatusCompleted  = "completed"
	StatusFailed     = "failed"
	StatusCancelled  = "cancelled"
)

// Outcome is how far a response has come.
type Outcome struct {
	Status      string // a state without a word of OpenAI's stays as it is
	CompletedAt *time.Time
	Failure     *Failure // with StatusFailed, and only then
}

// Failure is why a response failed.
type Failure struct {
	HTTPStatus *int // of the model's server, if it is known
	Message    string
}

const encryptedFailure = "The error is stored encrypted and cannot be shown"

// leastRefusal is the lowest HTTP status of a refusal.
const leastRefusal = 400

// Outcome is in progress while any part is unfinished, and that of the last part then.
func (w WholeResponse) Outcome() Outcome {
	for _, part := range w.Parts {
		if StateRank(part.State) == len(ActiveStates) {
			continue
		}
		if first := w.Parts[0].Outcome(); first.Status == StatusQueued {
			return first
		}
		return Outcome{Status: StatusInProgress}
	}
	return w.Parts[len(w.Parts)-1].Outcome()
}

// Outcome is that of one part. What the model's server refused is stored as completed, and
// has failed.
func (p ResponsePart) Outcome() Outcome {
	switch p.State {
	case "pending":
		return Outcome{Status: StatusQueued}
	case "claimed", "processing":
		return Outcome{Status: StatusInProgress}
	case "canceled":
		return Outcome{Status: StatusCancelled}
	case "failed":
		return Outcome{Status: StatusFailed, Failure: p.failure()}
	case "completed":
		if p.HTTPStatus == nil || *p.HTTPStatus < leastRefusal {
			return Outcome{Status: StatusCompleted, CompletedAt: p.CompletedAt}
		}
		f := &Failure{HTTPStatus: p.HTTPStatus}
		switch {
		case p.Withheld.Answer:
			f.Message = encryptedFailure
		case p.Answer != nil:
			f.Message = *p.Answer
		}
		return Outcome{StatusFailed, p.CompletedAt, f}
	}
	return Outcome{Status: p.State}
}

// failure reads the error of a failed part: a text, or a status and a body of the model's
// server.
func (p ResponsePart) failure() *Failure {
	switch {
	case p.Withheld.Error:
		return &Failure{Message: encryptedFailure}
	case p.Error == nil:
		return &Failure{}
	}
	var said struct {
		Details struct {
			Status *int    `json:"status"`
			Body   *string `json:"body"`
		} `json:"details"`
	}
	err := json.Unmarshal([]byte(*p.Error), &said)
	if err != nil || said.Details.Status == nil || said.Details.Body == nil {
		return &Failure{Message: *p.Error}
	}
	return &Failure{said.Details.Status, *said.Details.Body}
}
