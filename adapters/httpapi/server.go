package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"lethe"
	"lethe/domain"
)

// Config bounds what a request may take. Zero values mean the defaults.
type Config struct {
	ListTimeout  time.Duration // 10 s
	GetTimeout   time.Duration // 15 s
	EraseTimeout time.Duration // 30 s
	// EstimateTimeout is for requests that count all that would be erased: 55 s.
	EstimateTimeout time.Duration
	ReadyTimeout    time.Duration // 2 s
	// Requests is how many requests run at a time: 256. One caller has at most half.
	Requests int
	// Estimates is how many previews, dry runs, figures and starts of bulk erasures run
	// at a time: 4. One caller has at most two.
	Estimates int
	// Searches is how many lists that may read much run at a time for one caller: 1.
	Searches int
}

func (c Config) withDefaults() Config {
	c.ListTimeout = cmp.Or(c.ListTimeout, 10*time.Second)
	c.GetTimeout = cmp.Or(c.GetTimeout, 15*time.Second)
	c.EraseTimeout = cmp.Or(c.EraseTimeout, 30*time.Second)
	c.EstimateTimeout = cmp.Or(c.EstimateTimeout, 55*time.Second)
	c.ReadyTimeout = cmp.Or(c.ReadyTimeout, 2*time.Second)
	c.Requests = cmp.Or(c.Requests, 256)
	c.Estimates = cmp.Or(c.Estimates, 4)
	c.Searches = cmp.Or(c.Searches, 1)
	return c
}

// Deps is what the server calls. Every field is required unless it says otherwise.
type Deps struct {
	Identify *domain.IdentifyCaller
	List     *domain.ListResponses
	Get      *domain.GetResponse
	Steps    *domain.ListSteps
	Models   *domain.ListModels
	Export   *domain.ExportResponses
	Erase    *domain.EraseResponse
	// GetWhole and EraseWhole are for OpenAI's clients.
	GetWhole   *domain.GetWholeResponse
	EraseWhole *domain.EraseWholeResponse
	Receipt    *domain.GetReceipt
	ReadLog    *domain.ReadLog
	Erasures   Erasures
	Holds      Holds
	Subjects   Subjects
	Files      PersonFiles
	Retention  Retention
	AccessLog  *domain.ListAccessLog
	Caller     *domain.GetCaller
	Owners     *domain.FindOwners
	// IdentifyOwner reads whom requests mean by an e-mail address.
	IdentifyOwner *domain.IdentifyOwner
	Status        *domain.GetStatus
	Figures       *domain.GetFigures

	// IdentifyReader replaces Identify for frequent lists and fetches, and may use a
	// cached identity; nil: Identify is used.
	IdentifyReader *domain.IdentifyCaller

	// ForHolds makes requests about holds use the connections reserved for them,
	// including the identification of the caller; nil: they use any.
	ForHolds func(context.Context) context.Context

	// By attaches the caller to the database queries; nil: nothing does.
	By func(ctx context.Context, caller uuid.UUID) context.Context

	// Credentials reads the caller's credentials from a request.
	Credentials func(*http.Request) domain.Credentials
	// SessionCookie makes the cookie with a session of Lethe's own for whoever sent the
	// request; nil: the one that removes it. IdleSession is how long a session lasts
	// without being used, if Identify accepts sessions.
	SessionCookie func(*http.Request, *domain.Session) *http.Cookie
	IdleSession   time.Duration
	// Profile lets the service answer what dwctl's dashboard asks for before it shows a
	// view; nil: it does not.
	Profile *domain.GetProfile
	// Ready says whether requests can be answered now. The message of a domain.Error is
	// shown to the client.
	Ready func(context.Context) error
	// Stopping is closed when the service stops: streams end then. Nil: never.
	Stopping <-chan struct{}
	// Metrics serves /metrics.
	Metrics http.Handler
	// Observe is called when a request begins; the function it returns is called when
	// the request has been answered, with the route's pattern and the method. Each is
	// "other" if there is no route, or if HTTP does not define the method.
	Observe func() (done func(route, method string, status int))
	Log     *slog.Logger
}

type Erasures struct {
	Preview  *domain.PreviewErasure
	Start    *domain.StartErasure
	List     *domain.ListErasures
	Get      *domain.GetErasure
	Receipts *domain.ListErasureReceipts
	Cancel   *domain.CancelErasure
	Decide   *domain.DecideErasure
}

type Holds struct {
	Place   *domain.PlaceHold
	List    *domain.ListHolds
	Get     *domain.GetHold
	Release *domain.ReleaseHold
}

type PersonFiles struct {
	Start  *domain.StartPersonFile
	List   *domain.ListPersonFiles
	Get    *domain.GetPersonFile
	Open   *domain.OpenPersonFile
	Delete *domain.DeletePersonFile
}

type Retention struct {
	Create  *domain.CreateRule
	Change  *domain.ChangeRule
	List    *domain.ListRules
	Get     *domain.GetRule
	DryRun  *domain.DryRunRule
	Enable  *domain.EnableRule
	Approve *domain.ApproveRule
	Disable *domain.DisableRule
	Remove  *domain.RemoveRule
}

// New makes the handler of all routes. It fails if an operation of the contract is
// missing in profiles.
func New(cfg Config, deps Deps) (http.Handler, error) {
	operations, err := contracted()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &server{Deps: deps, readyTimeout: cfg.ReadyTimeout, lookTimeout: cfg.GetTimeout, shares: newShares(cfg.Requests, cfg.Estimates, cfg.Searches),
		startSession: domain.NewStartSession(deps.Identify), endSession: domain.NewEndSession(deps.Identify)}

	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // a header can say anything
	e.HTTPErrorHandler = s.fail
	e.Binder = bodyBinder{}
	routes := router{e}
	RegisterHandlersWithOptions(routes, NewStrictHandler(s, []StrictMiddlewareFunc{s.shareOut, s.authenticate}),
		RegisterHandlersOptions{OperationMiddlewares: middlewares(operations, cfg)})
	routes.GET("/healthz", healthy)
	routes.GET("/readyz", s.ready)
	routes.GET("/metrics", echo.WrapHandler(deps.Metrics))
	routes.GET("/openapi.yaml", contract)
	routes.POST(openAIResponses, ofGateway)
	routes.POST(openAICancel, ofGateway)
	s.serveDashboard(routes, cfg)

	s.routes = make(map[string]bool)
	methods := map[string][]string{}
	for _, route := range e.Routes() {
		s.routes[route.Path] = true
		methods[route.Path] = append(methods[route.Path], route.Method)
	}
	for path := range s.routes {
		// Without this, echo lets a last parameter match the rest of the path. Where
		// there are paths below it, echo does not, and this route would hide them.
		isParameter := strings.HasPrefix(path[strings.LastIndexByte(path, '/')+1:], ":")
		if isParameter && path != tilePath && !s.routesBelow(path) {
			e.RouteNotFound(path+"/*", echo.NotFoundHandler)
		}
	}
	e.Use(hiddenMethods(methods), s.observe, s.recover, refuseHiddenMethods, s.refuseOtherOrigins, limitBody, options)
	return e, nil
}

// minCompressed is the size from which compression pays, in bytes.
const minCompressed = 8 << 10

// router registers HEAD with every GET: net/http leaves out the body.
type router struct{ *echo.Echo }

func (r router) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	r.HEAD(path, h, m...)
	return r.Echo.GET(path, h, m...)
}

type server struct {
	Deps
	readyTimeout time.Duration
	lookTimeout  time.Duration // of one look of a stream
	shares       shares
	served       atomic.Int64 // requests of identified callers
	routes       map[string]bool
	startSession *domain.StartSession
	endSession   *domain.EndSession
}

var _ StrictServerInterface = (*server)(nil)

func (s *server) routesBelow(path string) bool {
	for other := range s.routes {
		if strings.HasPrefix(other, path+"/") {
			return true
		}
	}
	return false
}

func healthy(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "alive"})
}

func (s *server) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.readyTimeout)
	defer cancel()
	err := s.Ready(ctx)
	if err == nil {
		return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
	}
	if e, ok := errors.AsType[*domain.Error](err); ok {
		return &domain.Error{Code: domain.CodeUnavailable, Message: e.Message, Cause: e.Cause}
	}
	return &domain.Error{Code: domain.CodeUnavailable, Message: "The database does not respond; see the service's log", Cause: err}
}

func contract(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml", lethe.OpenAPI)
}

// Server makes the HTTP server for handler; its own errors go to log.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second, // longer than any deadline of a route
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ConnState:         boundUnread,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
