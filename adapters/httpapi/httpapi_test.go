package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/uuid"

	"lethe"
	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/internal/memory"
)

const (
	list = "/admin/api/v1/batches/requests"
	item = list + "/c0000400-0000-4000-8000-00000000005a"

	erasures = "/lethe/api/v1/erasures"
	holds    = "/lethe/api/v1/holds"

	subjectList = "/lethe/api/v1/subject-requests"
	ruleList    = "/lethe/api/v1/retention-rules"
	accessLog   = "/lethe/api/v1/access-log"
	figures     = "/lethe/api/v1/responses/figures"
	statusURL   = "/lethe/api/v1/status"
	session     = "/lethe/api/v1/session"
	export      = "/lethe/api/v1/responses/export"
)

var (
	alice      = uuid.MustParse("c0000100-0000-4000-8000-000000000003")
	bob        = uuid.MustParse("c0000100-0000-4000-8000-000000000004")
	root       = uuid.MustParse("c0000100-0000-4000-8000-000000000001")
	responseID = uuid.MustParse("c0000400-0000-4000-8000-00000000005a")
)

// fakes implements the ports with functions. A missing function finds nothing.
type fakes struct {
	page                func(context.Context, domain.PageQuery) ([]domain.Response, error)
	count               func(context.Context, domain.ResponseFilter, domain.CountMode) (domain.Count, error)
	getSummary          func(context.Context, uuid.UUID) (domain.Response, error)
	get                 func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error)
	steps               func(domain.StepQuery) (domain.StepPart, error)
	models              func(owner *string) (domain.ModelList, error)
	erase               func(context.Context, uuid.UUID, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error)
	eraseWithLaterTurns func(context.Context, uuid.UUID, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error)
	latest              func(context.Context, []uuid.UUID) (map[uuid.UUID]domain.Usage, error)
	log                 domain.Log
	erasures            domain.Erasures // nil: an empty port that stores nothing
	jobs                domain.Jobs
	holds               domain.Holds
	retention           domain.Retention
	record              func(domain.Access) error
	accessLog           accessLogPort
	byKey               func(context.Context, string) (domain.Key, error)
	status              func(context.Context) (domain.Status, error)
	figures             func(context.Context, domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error)
}

var errNone = domain.Errorf(domain.CodeNotFound, "none")

func (f fakes) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	if f.page == nil {
		return nil, nil
	}
	return f.page(ctx, q)
}

func (f fakes) PageAndCount(ctx context.Context, q domain.PageQuery, mode domain.CountMode) ([]domain.Response, *domain.Count, error) {
	page, err := f.Page(ctx, q)
	if err != nil || f.count == nil {
		return page, &domain.Count{Exact: true}, err
	}
	count, err := f.count(ctx, q.Filter, mode)
	return page, &count, err
}

func (f fakes) Get(ctx context.Context, id uuid.UUID, owners []string, _ int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	if f.get == nil {
		return domain.Response{}, domain.Contents{}, errNone
	}
	response, contents, err := f.get(ctx, id)
	if err == nil && owners != nil && !slices.Contains(owners, response.Owner) {
		return domain.Response{}, domain.Contents{}, errNone
	}
	if err == nil && f.record != nil && record.Covers(response.Owner) {
		l := record.Access
		l.Response, l.Owner = id, response.Owner
		if err := f.record(l); err != nil {
			return domain.Response{}, domain.Contents{}, err
		}
	}
	return response, contents, err
}

// Chain knows no steps.
func (f fakes) Chain(_ context.Context, id uuid.UUID, _ []string) (domain.Chain, error) {
	return domain.Chain{ID: id, Requests: []uuid.UUID{id}}, nil
}

func (f fakes) GetSummary(ctx context.Context, id uuid.UUID, owners []string) (domain.Response, error) {
	if f.getSummary != nil {
		return f.getSummary(ctx, id)
	}
	response, _, err := f.Get(ctx, id, owners, 0, nil)
	return response, err
}

// Steps calls a function that records nothing.
func (f fakes) Steps(_ context.Context, q domain.StepQuery, _ *domain.Recording) (domain.StepPart, error) {
	if f.steps == nil {
		return domain.StepPart{}, nil
	}
	return f.steps(q)
}

func (f fakes) Models(_ context.Context, owner *string, _ int64) (domain.ModelList, error) {
	if f.models == nil {
		return domain.ModelList{}, nil
	}
	return f.models(owner)
}

func (f fakes) Erase(ctx context.Context, id uuid.UUID, _ []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if f.erase == nil {
		return domain.Erased{}, errNone
	}
	return f.erase(ctx, id, permit)
}

func (f fakes) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, _ []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if f.eraseWithLaterTurns == nil {
		return domain.Erased{}, errNone
	}
	return f.eraseWithLaterTurns(ctx, id, permit)
}

func (f fakes) Sweep(context.Context, int, domain.Authorization) (int, domain.Erased, error) {
	return 0, domain.Erased{}, nil
}

func (f fakes) Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	if f.latest == nil {
		return nil, nil
	}
	return f.latest(ctx, ids)
}

// ByKey knows four keys: "alice" and "bob" may read and erase their own responses,
// "root" may do everything, and "nobody" nothing.
func (f fakes) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	if f.byKey != nil {
		return f.byKey(ctx, secret)
	}
	person := domain.Person{ID: alice, Email: "alice@example.test", LastLogin: new(time.Now())}
	switch secret {
	case "alice":
		person.Roles = []domain.Role{domain.RoleBatchAPIUser}
	case "bob":
		person.ID, person.Roles = bob, []domain.Role{domain.RoleBatchAPIUser}
	case "root":
		person.ID, person.Admin = root, true
	case "nobody":
	default:
		return domain.Key{}, errNone
	}
	return domain.Key{Owner: person.ID, Creator: person, Purpose: "platform"}, nil
}

func (f fakes) ByID(context.Context, uuid.UUID) (domain.Person, error) {
	return domain.Person{}, errNone
}

func (f fakes) ByExternalID(context.Context, string) (domain.Person, error) {
	return domain.Person{}, errNone
}

func (f fakes) Emails(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) {
	return nil, nil
}

func (f fakes) ByEmail(context.Context, string) ([]uuid.UUID, error) {
	return nil, nil
}

func (f fakes) Owners(context.Context, domain.OwnerQuery) ([]domain.Owner, error) {
	return nil, nil
}

// accessLogPort implements the access log with a function. If it is missing, nothing is
// found.
type accessLogPort struct {
	page func(context.Context, domain.AccessQuery) ([]domain.Access, error)
}

func (l accessLogPort) Page(ctx context.Context, q domain.AccessQuery) ([]domain.Access, error) {
	if l.page == nil {
		return nil, nil
	}
	return l.page(ctx, q)
}

func (f fakes) SawLogin(uuid.UUID) {}

func (f fakes) Figures(ctx context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
	if f.figures == nil {
		return nil, domain.BasisUsage, nil
	}
	return f.figures(ctx, q)
}

func (f fakes) Status(ctx context.Context) (domain.Status, error) {
	if f.status == nil {
		return domain.Status{}, nil
	}
	return f.status(ctx)
}

// log collects the log.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type observation struct {
	route, method string
	status        int
}

type service struct {
	http.Handler
	log      *log
	mu       sync.Mutex
	observed []observation
	running  int
}

func (s *service) observe() func(string, string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	return func(route, method string, status int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
		s.observed = append(s.observed, observation{route, method, status})
	}
}

// deps assembles the use cases over the fakes. The caller's key follows "Bearer ".
func deps(f fakes, s *service) httpapi.Deps {
	logger := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store := memory.New()
	if f.erasures == nil {
		f.erasures, f.jobs = store.Erasures(), store.Jobs()
	}
	asked := subjectCheck(store)
	return httpapi.Deps{
		Identify: domain.NewIdentifyCaller(f, time.Now),
		List:     domain.NewListResponses(f, f, f, logger),
		Get:      domain.NewGetResponse(f, f, f, time.Now, logger),
		Steps:    domain.NewListSteps(f, f, time.Now),
		Models:   domain.NewListModels(f),
		Export:   domain.NewExportResponses(f, store, store, f, f, time.Now, logger),
		Erase:    domain.NewEraseResponse(f, time.Now),
		Receipt:  domain.NewGetReceipt(f.log),
		GetWhole: domain.NewGetWholeResponse(f), EraseWhole: domain.NewEraseWholeResponse(f, domain.NewEraseResponse(f, time.Now)),
		ReadLog: domain.NewReadLog(f.log),
		Erasures: httpapi.Erasures{
			Preview: domain.NewPreviewErasure(f.erasures, time.Now),
			Start:   domain.NewStartErasure(f.erasures, asked, runner(f.erasures), f.jobs, time.Now, logger),
			List:    domain.NewListErasures(f.erasures), Get: domain.NewGetErasure(f.erasures),
			Receipts: domain.NewListErasureReceipts(f.erasures), Cancel: domain.NewCancelErasure(f.erasures),
			Decide: domain.NewDecideErasure(f.erasures, time.Now),
		},
		Files: filesOf(memory.PersonFiles{Store: store}, memory.NewPersonFileStore(), store, time.Now, logger),
		Holds: httpapi.Holds{
			Place: domain.NewPlaceHold(f.holds, time.Now), List: domain.NewListHolds(f.holds),
			Get: domain.NewGetHold(f.holds), Release: domain.NewReleaseHold(f.holds),
		},
		Subjects: httpapi.Subjects{
			Open: domain.NewOpenSubjectRequest(store.SubjectRequests(), time.Now), List: domain.NewListSubjectRequests(store.SubjectRequests()),
			Get:     domain.NewGetSubjectRequest(store.SubjectRequests(), asked, time.Now),
			Process: domain.NewProcessSubjectRequest(store.SubjectRequests(), asked, time.Now),
			Letter:  domain.NewGetSubjectLetter(store.SubjectRequests(), f.erasures, f),
			Words:   httpapi.LetterWords{Controller: "The <Controller>", Contact: "contact@example.com", Authority: "the authority", Kept: "Invoices, for ten years."},
		},
		Retention: httpapi.Retention{
			Create: domain.NewCreateRule(f.retention, time.Now), Change: domain.NewChangeRule(f.retention, time.Now),
			List: domain.NewListRules(f.retention), Get: domain.NewGetRule(f.retention),
			DryRun: domain.NewDryRunRule(f.retention, f.erasures, time.Now), Enable: domain.NewEnableRule(f.retention, domain.ApprovalLimits{}, time.Now),
			Approve: domain.NewApproveRule(f.retention, f, time.Now),
			Disable: domain.NewDisableRule(f.retention), Remove: domain.NewRemoveRule(f.retention),
		},
		AccessLog:     domain.NewListAccessLog(f.accessLog, f, logger),
		Caller:        domain.NewGetCaller(f, logger),
		Owners:        domain.NewFindOwners(f, f),
		IdentifyOwner: domain.NewIdentifyOwner(f),
		Figures:       domain.NewGetFigures(f, f, func() time.Time { return time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC) }, logger),
		Status:        domain.NewGetStatus(f, func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }),
		Credentials: func(r *http.Request) domain.Credentials {
			return domain.Credentials{Key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
		},
		SessionCookie: func(_ *http.Request, session *domain.Session) *http.Cookie {
			if session == nil {
				return &http.Cookie{Name: "own", MaxAge: -1}
			}
			return &http.Cookie{Name: "own", Value: session.ID.String()}
		},
		Ready: func(context.Context) error { return nil },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "lethe_up 1\n")
		}),
		Observe: s.observe,
		Log:     logger,
	}
}

// runner runs erasures without pacing.
func runner(erasures domain.Erasures) *domain.RunErasure {
	return domain.NewRunErasure(erasures, func(context.Context, int) error { return nil }, time.Now)
}

func assemble(t testing.TB, f fakes, change func(*httpapi.Config, *httpapi.Deps)) *service {
	t.Helper()
	s := &service{log: &log{}}
	var cfg httpapi.Config
	d := deps(f, s)
	if change != nil {
		change(&cfg, &d)
	}
	handler, err := httpapi.New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = handler
	return s
}

// The library accepts only capital letters; RFC 3339 allows small ones.
func init() {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.FileBodyDecoder)
	openapi3.DefineStringFormatValidator("date-time", openapi3.NewCallbackValidator(func(text string) error {
		_, err := time.Parse(time.RFC3339, strings.ToUpper(text))
		return err
	}))
}

// document is the contract, loaded and validated once.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// answer is an HTTP answer that conforms to the contract.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem httpapi.Problem
}

// ask sends a request as alice, unless headers (names and values in turn) say
// otherwise, and checks the answer against the contract.
func (s *service) ask(t testing.TB, method, target string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer alice")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.serve(t, r)
}

func (s *service) serve(t testing.TB, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	var body bytes.Buffer
	if r.Body != nil {
		r.Body = io.NopCloser(io.TeeReader(r.Body, &body))
	}
	s.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.problem); err != nil {
			t.Errorf("%s %s: %v in %s", r.Method, r.URL, err, a.body)
		}
		if int(a.problem.Status) != a.status || a.problem.RequestId != a.header.Get("X-Request-Id") ||
			a.problem.Type != "about:blank" || a.problem.Title != http.StatusText(a.status) || a.problem.Detail == "" {
			t.Errorf("%s %s: answered %d with %s", r.Method, r.URL, a.status, a.body)
		}
	} else if strings.HasPrefix(r.URL.Path, "/ai/v1/") {
		var body httpapi.OpenAIError
		if err := json.Unmarshal(w.Body.Bytes(), &body); a.status >= 400 && (err != nil || body.Error.Message == "" || body.Error.Type == "") && a.status != 499 {
			t.Errorf("%s %s: answered %d with %s", r.Method, r.URL, a.status, a.body)
		}
	} else if a.status >= 400 && a.status != 499 {
		t.Errorf("%s %s: status %d without problem+json: %s", r.Method, r.URL, a.status, a.body)
	}
	s.conforms(t, r, body.Bytes(), a)
	return a
}

// conforms checks an answer, and the body of an accepted request, against the
// contract.
func (s *service) conforms(t testing.TB, r *http.Request, body []byte, a answer) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	path, known := pathOf(r.URL.EscapedPath())
	if !known {
		return
	}
	operation := doc.Paths.Value(path).GetOperation(r.Method)
	if operation == nil || a.status == 499 {
		return
	}
	if operation.RequestBody != nil && a.status < 300 {
		var taken any
		if err := json.Unmarshal(body, &taken); err != nil {
			t.Errorf("%s %s: %v in %s", r.Method, r.URL, err, body)
		} else if err := operation.RequestBody.Value.Content["application/json"].Schema.Value.VisitJSON(taken); err != nil {
			t.Errorf("%s %s: the accepted body does not conform to the contract: %v\n%s", r.Method, r.URL, err, body)
		}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r,
			Route:   &routers.Route{Spec: doc, Path: path, Method: r.Method, Operation: operation},
		},
		Status:  a.status,
		Header:  a.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if a.header.Get("Content-Type") == "text/event-stream" {
		input.Options.ExcludeResponseBody = true
		eventsConform(t, doc, operation, a)
	}
	if path == export && a.status == http.StatusOK {
		input.Options.ExcludeResponseBody = true
		linesConform(t, doc, r, a)
	}
	if err := openapi3filter.ValidateResponse(r.Context(), input.SetBodyBytes([]byte(a.body))); err != nil {
		t.Errorf("%s %s: the answer does not conform to the contract: %v\n%s", r.Method, r.URL, err, a.body)
	}
}

// eventsConform checks each event of a stream and its data against the contract.
func eventsConform(t testing.TB, doc *openapi3.T, operation *openapi3.Operation, a answer) {
	t.Helper()
	schema := operation.Responses.Value("200").Value.Content["text/event-stream"].Schema.Value
	for text := range strings.SplitSeq(a.body, "\n\n") {
		event := map[string]any{}
		for line := range strings.SplitSeq(text, "\n") {
			name, value, _ := strings.Cut(line, ":")
			if event[name] = strings.TrimPrefix(value, " "); name == "retry" {
				event[name], _ = strconv.ParseFloat(event[name].(string), 64)
			}
		}
		delete(event, "")
		if event["data"] == nil {
			continue // a keep-alive
		}
		if err := schema.VisitJSON(event); err != nil {
			t.Errorf("event %q does not conform to the contract: %v", text, err)
		}
		var told any
		if err := json.Unmarshal([]byte(event["data"].(string)), &told); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if err := doc.Components.Schemas["Erasure"].Value.VisitJSON(told); err != nil {
			t.Errorf("the data of event %q is not an erasure: %v", text, err)
		}
	}
}

// subjectCheck is for a service that keeps no persons' files.
func subjectCheck(store *memory.Store) *domain.CheckSubjectRequest {
	return domain.NewCheckSubjectRequest(store.SubjectRequests(), store.Erasures(), memory.PersonFiles{Store: store}, false)
}

// pathOf is the contract's path for the path of a request.
func pathOf(asked string) (path string, known bool) {
	one := func(rest string) bool { return rest != "" && !strings.Contains(rest, "/") }
	switch rest, ok := strings.CutPrefix(asked, list+"/"); {
	case ok && one(rest):
		return list + "/{request_id}", true
	case asked == list, asked == erasures, asked == erasures+"/preview", asked == holds, asked == subjectList, asked == ruleList, asked == accessLog, asked == statusURL, asked == figures, asked == export, asked == session, asked == "/log/checkpoint", asked == "/log/keys":
		return asked, true
	}
	if rest, ok := strings.CutPrefix(asked, "/ai/v1/responses/"); ok {
		id, items := strings.CutSuffix(rest, "/input_items")
		if items {
			return "/ai/v1/responses/{response_id}/input_items", one(id)
		}
		return "/ai/v1/responses/{response_id}", one(id)
	}
	if rest, ok := strings.CutPrefix(asked, subjectList+"/"); ok {
		id, part, parted := strings.Cut(rest, "/")
		if parted {
			part = "/" + part
		}
		return subjectList + "/{subject_request_id}" + part, one(id)
	}
	if id, ok := strings.CutPrefix(asked, holds+"/"); ok {
		return holds + "/{hold_id}", one(id)
	}
	if rest, ok := strings.CutPrefix(asked, ruleList+"/"); ok {
		id, part, parted := strings.Cut(rest, "/")
		if parted {
			part = "/" + part
		}
		if version, ok := strings.CutPrefix(part, "/versions/"); ok && one(version) {
			part = "/versions/{version}"
		}
		return ruleList + "/{rule_id}" + part, id != "" && slices.Contains([]string{"", "/versions/{version}", "/dry-run", "/enable", "/approve", "/disable"}, part)
	}
	if level, _, ok := strings.Cut(strings.TrimPrefix(asked, "/log/tile/"), "/"); ok && one(level) && strings.HasPrefix(asked, "/log/tile/") {
		return "/log/tile/{level}/{index}", true
	}
	rest, ok := strings.CutPrefix(asked, erasures+"/")
	id, part, parted := strings.Cut(rest, "/")
	if parted {
		part = "/" + part
	}
	return erasures + "/{erasure_id}" + part, ok && id != "" && slices.Contains([]string{"", "/receipt", "/receipts", "/cancel", "/events"}, part)
}

func TestContractValid(t *testing.T) {
	t.Parallel()
	if _, err := document(); err != nil {
		t.Fatal(err)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	l := &log{}
	server := httpapi.Server("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.NewTextHandler(l, nil)))
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.IdleTimeout <= 0 || server.MaxHeaderBytes <= 0 {
		t.Error("a timeout or limit is not set")
	}
	if server.WriteTimeout <= 55*time.Second {
		t.Error("the write timeout is shorter than an erasure or its preview may take")
	}
	server.ErrorLog.Print("a complaint")
	if !strings.Contains(l.String(), "level=WARN") || !strings.Contains(l.String(), "a complaint") {
		t.Errorf("got the log %q, want a warning", l)
	}
}
