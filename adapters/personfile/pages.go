package personfile

import (
	_ "embed"
	"html/template"
	"time"

	"lethe/domain"
)

//go:embed pages.tmpl
var pagesText string

//go:embed receipts.txt
var receiptsReadme string

// The templates escape whatever people and models wrote. No page has a script, and its
// policy forbids one.
var (
	pages = template.Must(template.New("").Funcs(template.FuncMap{
		"moment": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	}).Parse(pagesText))

	indexTemplate    = pages.Lookup("index")
	headTemplate     = pages.Lookup("head")
	responseTemplate = pages.Lookup("response")
	footTemplate     = pages.Lookup("foot")
)

// links are a page's place among the others; empty: there is none.
type links struct {
	Page           int
	Previous, Next string
}

func pageLinks(page int, more bool) links {
	l := links{Page: page}
	if page > 1 {
		l.Previous = pageFile(page - 1)
	}
	if more {
		l.Next = pageFile(page + 1)
	}
	return l
}

// pageFile is the name of a page beside the others.
func pageFile(page int) string { return pageName(page)[len("conversations/"):] }

type response struct {
	domain.ResponseDetail
	Turns []turn
}

func shownResponse(r domain.ResponseDetail) response { return response{r, turnsOf(r)} }

// missing is what a file does not have.
type missing struct {
	What  string `json:"what"`
	Words string `json:"words"`
	Count int64  `json:"count,omitempty"`
}

// about is what the index says.
type about struct {
	domain.PersonFileFacts
	Words   Words
	Counts  counts
	Pages   []string
	Missing []missing
}

func shownFacts(facts domain.PersonFileFacts, words Words, c counts, lastPage int) about {
	a := about{PersonFileFacts: facts, Words: words, Counts: c}
	for page := 1; page <= lastPage; page++ {
		a.Pages = append(a.Pages, pageName(page))
	}
	for _, m := range []missing{
		{What: "later_turns_of_others", Words: "Conversations that other people continued from these, which may quote them."},
		{What: "written_by_others", Words: "What other people wrote about you in their own conversations."},
		{What: "batches", Words: "Requests that belong to a batch: the batch's own files have them."},
		{What: "expired_usage", Words: "Usage and cost whose records have expired."},
		{What: "without_usage", Words: "Responses here without any record of usage or cost.", Count: c.WithoutUsage},
		{What: "withheld", Words: "Responses whose contents are encrypted, because no data was to be retained: the service has no key to them.", Count: c.Withheld},
		{What: "too_large", Words: "Responses whose contents are too large for this file: fetch them one by one.", Count: c.TooLarge},
		{What: "unsealed_receipts", Words: "Receipts that are not yet sealed in the log of erasures: ask again in a while.", Count: facts.Unsealed},
	} {
		always := m.What == "later_turns_of_others" || m.What == "written_by_others" || m.What == "batches" || m.What == "expired_usage"
		if always || m.Count > 0 {
			a.Missing = append(a.Missing, m)
		}
	}
	return a
}
