package serve_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/golang-jwt/jwt/v5"

	"lethe"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// Kinds of callers, according to the control layer's database.
const (
	nobody   = "nobody"         // no key, or an invalid one
	plain    = "without a role" // a user who may do nothing with responses
	reader   = "reader"         // who may list and fetch their own
	stranger = "another user"   // may also erase their own, but owns nothing that is asked for
	owner    = "owner"          // owns it
	member   = "for an owner"   // acts for the organization that owns it
	manager  = "manager"        // may do everything with everyone's
	admin    = "administrator"  // may also read the access log
)

// Classes of responses.
const (
	unknown   = "unknown"   // 401
	forbidden = "forbidden" // 403
	hidden    = "hidden"    // 404
	allowed   = "allowed"
	conflict  = "conflict" // 409
	invalid   = "400"
)

// mayDo is the model: what each kind of caller gets according to docs/ and
// openapi.yaml, independent of the service's own rules. Each operation has one line.
var mayDo = map[string]func(kind string) string{
	"listResponses":       whoReads,
	"getFigures":          whoReads,
	"getResponse":         whoReadsThis,
	"listSteps":           whoReadsThis,
	"listModels":          whoReads,
	"eraseResponse":       whoErasesThis,
	"exportResponses":     whoReads,
	"previewErasure":      whoErases,
	"startErasure":        whoErases,
	"listErasures":        whoErases,
	"getErasure":          whoAskedForThis,
	"cancelErasure":       whoAskedForThis,
	"approveErasure":      whoDecides,
	"refuseErasure":       whoDecides,
	"listErasureReceipts": whoAskedForThis,
	"watchErasure":        whoAskedForThis,
	"getReceipt":          whoAskedForThis,
	"startPersonFile":     but(whoReads, invalid, reader, stranger),
	"listPersonFiles":     whoReads,
	"getPersonFile":       whoAskedForThis,
	"downloadPersonFile":  whoAskedForThis,
	"deletePersonFile":    whoAskedForThis,
	"getCheckpoint":       whoErases,
	"getLogKeys":          whoErases,
	"getTile":             whoErases,

	// Variants of operations.
	"getTile: entries":                   whoManages,
	"eraseResponse: with another's key":  but(whoErasesThis, hidden, manager, admin),
	"startErasure: with another's token": but(whoErases, conflict, stranger, manager, admin),
	"startErasure: by filter":            whoErases,
	"listResponses: after their cursor":  but(whoReads, invalid, reader, stranger, manager, admin),
	"eraseResponse: with later turns":    whoErasesThis,
	"exportResponses: with contents":     whoReads,
	"startErasure: by owner":             but(whoErases, invalid, stranger),

	"getCaller":  func(kind string) string { return only(kind, plain, reader, stranger, owner, member, manager, admin) },
	"findOwners": whoReads,

	"listAccessLog": func(kind string) string { return only(kind, admin) },

	"getStatus": whoManages,

	"listHolds": whoManages, "placeHold": whoManages, "getHold": whoManages, "releaseHold": whoManages,

	"listSubjectRequests": whoManages, "openSubjectRequest": whoManages, "getSubjectRequest": whoManages, "checkSubjectIdentity": whoManages,
	"extendSubjectRequest": whoManages, "refuseSubjectRequest": whoManages, "getSubjectLetter": whoManages,

	"answerSubjectRequest": but(whoManages, conflict, manager, admin), // as nothing was done for it

	"listRetentionRules": whoManages, "createRetentionRule": whoManages, "getRetentionRule": whoManages,
	"changeRetentionRule": whoManages, "removeRetentionRule": whoManages, "getRetentionRuleVersion": whoManages,
	"dryRunRetentionRule": whoManages, "enableRetentionRule": whoManages, "approveRetentionRule": but(whoManages, conflict, manager, admin), "disableRetentionRule": whoManages,

	"startSession": func(kind string) string { return only(kind, plain, reader, stranger, owner, member, manager, admin) },
	"endSession":   func(string) string { return allowed }, // also if there is none
}

// byKey are the operations for which only the owner of the caller's key counts.
var byKey = []string{"deleteOpenAIResponse", "listOpenAIInputItems", "retrieveOpenAIResponse"}

// whoHasItsKey is the rule of these, about a response that the owner of a key has.
func whoHasItsKey(asked, its string) string {
	switch {
	case asked == its:
		return allowed
	case slices.Contains([]string{"", "sk-a-wrong", "sk-alice-revoked", "sk-gone-platform", "sk-acme-bob-platform"}, asked):
		return unknown
	}
	return hidden
}

// but returns a rule with another answer for some kinds.
func but(rule func(string) string, answer string, kinds ...string) func(string) string {
	return func(kind string) string {
		if slices.Contains(kinds, kind) {
			return answer
		}
		return rule(kind)
	}
}

// theirs allows the owner, and callers who may do everything with everyone's.
func theirs(kind string) bool { return only(kind, owner, member, manager, admin) == allowed }

func only(kind string, kinds ...string) string {
	switch {
	case kind == nobody:
		return unknown
	case slices.Contains(kinds, kind):
		return allowed
	}
	return forbidden
}

func whoReads(kind string) string {
	return only(kind, reader, stranger, owner, member, manager, admin)
}

func whoErases(kind string) string { return only(kind, stranger, owner, member, manager, admin) }

func whoManages(kind string) string { return only(kind, manager, admin) }

// A caller who may read only their own does not learn whether another's exists.
func whoReadsThis(kind string) string {
	if kind == reader || kind == stranger {
		return hidden
	}
	return whoReads(kind)
}

func whoErasesThis(kind string) string {
	if kind == stranger {
		return hidden
	}
	return whoErases(kind)
}

// An erasure and its receipts are visible to the person who asked for it, whatever
// their role is now, and to those who may erase everyone's.
func whoAskedForThis(kind string) string {
	if got := only(kind, owner, member, manager, admin); got != forbidden {
		return got
	}
	return hidden
}

// The erasure that is asked about needs no approval.
func whoDecides(kind string) string {
	if got := whoAskedForThis(kind); got != allowed {
		return got
	}
	return conflict
}

// TestPermissions calls every operation as every kind of caller, about a person's and
// an organization's responses. It compares the responses with the model, and what is
// left with the responses.
func TestPermissions(t *testing.T) {
	t.Parallel()
	const acme = "c0000200-0000-4000-8000-000000000001"
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, `INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose)
		SELECT 'sk-connie-platform', 'sk-connie-platform', id, id, 'platform' FROM public.users WHERE username = 'connie'`)
	apptest.Exec(t, database.URL, `UPDATE public.users SET external_user_id = 'idp|' || username WHERE username IN ('bob', 'root')`)
	const signed = "0123456789abcdef0123"
	folder := filepath.Join(t.TempDir(), "exports")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_EXPORTS_FOLDER="+folder, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_AUTH_PROXY_HEADERS=true", "LETHE_AUTH_SESSION_SECRET="+signed,
		"LETHE_AUTH_SESSION_KEY_FILE="+sessionKeys(t, strings.Repeat("0123456789abcdef", 2)))
	ended := s.exchange(t, "sk-root-platform")
	if status, _, text := s.Send(t, http.MethodDelete, sessionPath, "", "", "Cookie", ended); status != http.StatusNoContent {
		t.Fatalf("end a session: want %d, got %d %s", http.StatusNoContent, status, text)
	}
	session := func(of, secret string) string {
		t.Helper()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": of, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return "dwctl_session=" + token
	}

	ask := func(method, path, key, body string, headers ...string) (int, http.Header, string) {
		t.Helper()
		return s.Send(t, method, path, key, body, headers...)
	}
	// made returns the identifier of something new.
	made := func(method, path, key, body string) string {
		t.Helper()
		status, _, text := ask(method, path, key, body)
		var answer struct{ ID string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status >= 300 || answer.ID == "" {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
		return answer.ID
	}
	models := 0
	respondAll := func(of string, responses int) []string {
		models++
		return apptest.AddFinishedOf(t, database.URL, of, fmt.Sprintf("asked-%d", models), responses, "1 hour")
	}
	stepsOf := func(id string) string { return "/lethe/api/v1/responses/" + id + "/steps?payloads=true" }
	respond := func(of string) string { return respondAll(of, 1)[0] }
	rule := func() string {
		return rulesPath + "/" + made(http.MethodPost, rulesPath, "sk-root-platform", `{"name":"asked for","filter":{"models":["none"]},"age_days":30,"run_at":["00:00"]}`)
	}
	const subjects = "/lethe/api/v1/subject-requests"
	subject := func() string {
		return subjects + "/" + made(http.MethodPost, subjects, "sk-root-platform", `{"kind":"access","owner":"`+apptest.MissingID+`"}`)
	}
	after := func(at, step, body string) string {
		if status, _, text := ask(http.MethodPost, at+step, "sk-root-platform", body); status != http.StatusOK {
			t.Fatalf("want %d, got %d %s", http.StatusOK, status, text)
		}
		return at
	}
	hold := func() string {
		return "/lethe/api/v1/holds/" + made(http.MethodPost, "/lethe/api/v1/holds", "sk-root-platform", `{"owners":["`+apptest.MissingID+`"],"reason":"asked for"}`)
	}

	// file returns a person's file that is done, the only one there is.
	file := func(of, by string) string {
		t.Helper()
		const id = "5c7d9e0f-1a2b-4c3d-8e4f-506172839405"
		apptest.Exec(t, database.URL, "DELETE FROM lethe.person_files")
		apptest.Exec(t, database.URL, fmt.Sprintf(`INSERT INTO lethe.person_files (id, owner, requested_at, requested_by, state, due_at, as_of, finished_at, expires_at, bytes, sha256)
			VALUES ('%s', '%s', now(), '%s', 'done', now(), now(), now(), now() + interval '1 h', 4, sha256('file'))`, id, of, by))
		if err := os.WriteFile(filepath.Join(folder, id+".zip"), []byte("file"), 0o600); err != nil {
			t.Fatal(err)
		}
		return exportsPath + "/" + id
	}

	for _, whose := range []struct{ id, key, by string }{{apptest.Bob, "sk-bob-platform", apptest.Bob}, {acme, "sk-acme-alice-platform", apptest.Alice}} {
		erasure := apptest.ErasuresPath + "/" + made(http.MethodPost, apptest.ErasuresPath, whose.key, `{"responses":["`+respond(whose.id)+`"]}`)
		_, header, _ := ask(http.MethodDelete, apptest.RequestsPath+"/"+respond(whose.id), whose.key, "")
		receipt := header.Get("Location")
		apptest.Await(t, "the receipt is sealed", func() bool {
			status, _, _ := ask(http.MethodGet, receipt, whose.key, "")
			return status == http.StatusOK
		})
		kept, tried := respond(whose.id), rule()
		keptModel := fmt.Sprintf("asked-%d", models)
		var second struct {
			Cursor string `json:"next_cursor"`
			shown  string
		}
		two := respondAll(whose.id, 2)
		pages := fmt.Sprintf(apptest.RequestsPath+"?limit=1&model=asked-%d", models)
		_, _, page := ask(http.MethodGet, pages, whose.key, "")
		if err := json.Unmarshal([]byte(page), &second); err != nil || second.Cursor == "" {
			t.Fatalf("no cursor in %s", page)
		}
		if second.shown = two[0]; strings.Contains(page, two[0]) {
			second.shown = two[1]
		}
		newest := func() string { return fmt.Sprintf(`"filter":{"models":["asked-%d"]}`, models) }
		// token returns the token of a preview, or "none" without one.
		token := func(of, key string, headers ...string) string {
			_, _, text := ask(http.MethodPost, apptest.ErasuresPath+"/preview", key, "{"+of+"}", headers...)
			var answer struct{ Token string }
			_ = json.Unmarshal([]byte(text), &answer)
			return `{` + of + `,"token":"` + cmp.Or(answer.Token, "none") + `"}`
		}

		// Each question is one call of an operation; what it needs is created anew.
		type question struct {
			method, path, body string

			headers []string
			token   string   // what to preview first for a token
			gone    []string // responses that are then gone, if the call was allowed and they are the caller's
			stays   []string // responses that exist whatever the answer
			shown   string   // in a response for their owners, and in no other
			secret  string   // a header that only allowed callers get
			byKey   bool     // any other credential is as none
		}
		questions := map[string]func() question{
			"listResponses": func() question {
				return question{method: "GET", path: apptest.RequestsPath + "?model=" + keptModel, shown: kept}
			},
			"exportResponses": func() question {
				return question{method: "GET", path: "/lethe/api/v1/responses/export?model=" + keptModel, shown: kept}
			},
			"exportResponses: with contents": func() question {
				return question{method: "GET", path: "/lethe/api/v1/responses/export?contents=true&format=csv&model=" + keptModel, shown: kept}
			},
			"eraseResponse: with another's key": func() question {
				path, headers := apptest.RequestsPath+"/"+respond(whose.id), []string{"Idempotency-Key", "theirs"}
				if status, _, text := ask(http.MethodDelete, path, whose.key, "", headers...); status != http.StatusNoContent {
					t.Fatalf("DELETE %s: want %d, got %d %s", path, http.StatusNoContent, status, text)
				}
				return question{method: "DELETE", path: path, headers: headers, secret: "Receipt-Salt"}
			},
			"startErasure: with another's token": func() question {
				id := respond(whose.id)
				return question{method: "POST", path: apptest.ErasuresPath, body: token(newest(), whose.key), gone: []string{id}}
			},
			"startErasure: by filter": func() question {
				id := respond(whose.id)
				return question{method: "POST", path: apptest.ErasuresPath, token: newest(), gone: []string{id}}
			},
			"startErasure: by owner": func() question {
				return question{method: "POST", path: apptest.ErasuresPath, token: `"owner":"` + whose.id + `"`, gone: []string{respond(whose.id)}}
			},
			"getFigures": func() question {
				return question{method: "GET", path: "/lethe/api/v1/responses/figures?group_by=model&model=" + keptModel, shown: keptModel}
			},
			"listResponses: after their cursor": func() question {
				return question{method: "GET", path: pages + "&after=" + url.QueryEscape(second.Cursor), shown: second.shown}
			},
			"eraseResponse: with later turns": func() question {
				id, later := respond(whose.id), respond(apptest.MissingID)
				apptest.Exec(t, database.URL, fmt.Sprintf(`UPDATE fusillade.request_templates SET body = '{"previous_response_id":"resp_%s","input":"words"}' WHERE id = '%s'`, id, later))
				return question{method: "DELETE", path: apptest.RequestsPath + "/" + id + "?include_later_turns=true", gone: []string{id}, stays: []string{later}}
			},
			"getTile: entries": func() question { return question{method: "GET", path: "/log/tile/entries/000.p/1"} },

			"getResponse": func() question { return question{method: "GET", path: apptest.RequestsPath + "/" + kept} },
			"listModels": func() question {
				return question{method: "GET", path: "/lethe/api/v1/models", shown: `"` + keptModel + `"`}
			},
			"listSteps": func() question { return question{method: "GET", path: stepsOf(kept)} },
			"eraseResponse": func() question {
				id := respond(whose.id)
				return question{method: "DELETE", path: apptest.RequestsPath + "/" + id, gone: []string{id}, secret: "Receipt-Salt"}
			},
			"retrieveOpenAIResponse": func() question {
				return question{method: "GET", path: "/ai/v1/responses/resp_" + kept, shown: keptModel}
			},
			"listOpenAIInputItems": func() question {
				return question{method: "GET", path: "/ai/v1/responses/resp_" + kept + "/input_items"}
			},
			"deleteOpenAIResponse": func() question {
				id := respond(whose.id)
				return question{method: "DELETE", path: "/ai/v1/responses/resp_" + id, gone: []string{id}, secret: "Receipt-Salt"}
			},
			"previewErasure": func() question {
				return question{method: "POST", path: apptest.ErasuresPath + "/preview", body: `{"responses":["` + kept + `"]}`}
			},
			"startErasure": func() question {
				id := respond(whose.id)
				return question{method: "POST", path: apptest.ErasuresPath, body: `{"responses":["` + id + `"]}`, gone: []string{id}}
			},
			"listErasures": func() question {
				return question{method: "GET", path: apptest.ErasuresPath + "?limit=100", shown: strings.TrimPrefix(erasure, apptest.ErasuresPath+"/")}
			},
			"getErasure":     func() question { return question{method: "GET", path: erasure} },
			"cancelErasure":  func() question { return question{method: "POST", path: erasure + "/cancel"} },
			"approveErasure": func() question { return question{method: "POST", path: erasure + "/approve"} },
			"refuseErasure": func() question {
				return question{method: "POST", path: erasure + "/refuse", body: `{"reason":"too_broad"}`}
			},
			"listErasureReceipts": func() question { return question{method: "GET", path: erasure + "/receipts"} },
			"watchErasure":        func() question { return question{method: "GET", path: erasure + "/events"} },
			"getReceipt":          func() question { return question{method: "GET", path: receipt} },
			"startPersonFile": func() question {
				apptest.Exec(t, database.URL, "DELETE FROM lethe.person_files")
				return question{method: "POST", path: exportsPath, body: `{"owner":"` + whose.id + `"}`}
			},
			"listPersonFiles": func() question {
				return question{method: "GET", path: exportsPath, shown: strings.TrimPrefix(file(whose.id, whose.by), exportsPath+"/")}
			},
			"getPersonFile":      func() question { return question{method: "GET", path: file(whose.id, whose.by)} },
			"downloadPersonFile": func() question { return question{method: "GET", path: file(whose.id, whose.by) + "/file"} },
			"deletePersonFile":   func() question { return question{method: "DELETE", path: file(whose.id, whose.by)} },
			"getCheckpoint":      func() question { return question{method: "GET", path: "/log/checkpoint"} },
			"getLogKeys":         func() question { return question{method: "GET", path: "/log/keys"} },
			"getTile":            func() question { return question{method: "GET", path: "/log/tile/0/000.p/1"} },
			"listAccessLog":      func() question { return question{method: "GET", path: "/lethe/api/v1/access-log"} },
			"getCaller":          func() question { return question{method: "GET", path: "/lethe/api/v1/me"} },
			"findOwners": func() question {
				q := question{method: "GET", path: "/lethe/api/v1/owners?q=" + whose.id, shown: whose.id}
				if whose.id == acme {
					q.shown = "" // its members find it even while they do not act for it
				}
				return q
			},
			"getStatus": func() question { return question{method: "GET", path: "/lethe/api/v1/status"} },
			"listHolds": func() question { return question{method: "GET", path: "/lethe/api/v1/holds"} },
			"placeHold": func() question {
				return question{method: "POST", path: "/lethe/api/v1/holds", body: `{"owners":["` + apptest.MissingID + `"],"reason":"r"}`}
			},
			"getHold":             func() question { return question{method: "GET", path: hold()} },
			"releaseHold":         func() question { return question{method: "DELETE", path: hold()} },
			"listSubjectRequests": func() question { return question{method: "GET", path: subjects} },
			"openSubjectRequest": func() question {
				return question{method: "POST", path: subjects, body: `{"kind":"both","owner":"` + apptest.MissingID + `"}`}
			},
			"getSubjectRequest":    func() question { return question{method: "GET", path: subject()} },
			"checkSubjectIdentity": func() question { return question{method: "POST", path: subject() + "/check-identity"} },
			"extendSubjectRequest": func() question {
				return question{method: "POST", path: subject() + "/extend", body: `{"reason":"complexity"}`}
			},
			"answerSubjectRequest": func() question {
				return question{method: "POST", path: subject() + "/answer"}
			},
			"refuseSubjectRequest": func() question {
				return question{method: "POST", path: subject() + "/refuse", body: `{"reason":"excessive"}`}
			},
			"getSubjectLetter": func() question {
				return question{method: "GET", path: after(subject(), "/refuse", `{"reason":"excessive"}`) + "/letter"}
			},
			"listRetentionRules": func() question { return question{method: "GET", path: rulesPath} },
			"createRetentionRule": func() question {
				return question{method: "POST", path: rulesPath, body: `{"name":"n","filter":{"models":["none"]},"age_days":30,"run_at":["00:00"]}`}
			},
			"getRetentionRule": func() question { return question{method: "GET", path: tried} },
			"changeRetentionRule": func() question {
				return question{method: "PUT", path: rule(), body: `{"version":1,"name":"n","filter":{"models":["none"]},"age_days":31,"run_at":["00:00"]}`}
			},
			"removeRetentionRule":     func() question { return question{method: "DELETE", path: rule()} },
			"getRetentionRuleVersion": func() question { return question{method: "GET", path: tried + "/versions/1"} },
			"dryRunRetentionRule":     func() question { return question{method: "POST", path: rule() + "/dry-run"} },
			"enableRetentionRule": func() question {
				at := rule()
				if status, _, text := ask("POST", at+"/dry-run", "sk-root-platform", ""); status != http.StatusOK {
					t.Fatalf("want %d, got %d %s", http.StatusOK, status, text)
				}
				return question{method: "POST", path: at + "/enable", body: `{"version":1}`}
			},
			// Nobody has enabled it.
			"approveRetentionRule": func() question { return question{method: "POST", path: rule() + "/approve", body: `{"version":1}`} },
			"disableRetentionRule": func() question { return question{method: "POST", path: rule() + "/disable"} },
			"startSession": func() question {
				return question{method: "POST", path: sessionPath, byKey: true, secret: "Set-Cookie"}
			},
			"endSession": func() question { return question{method: "DELETE", path: sessionPath, secret: "Set-Cookie"} },
		}
		type caller struct {
			kind, key string
			headers   []string
			exchanged string // the key of a session of Lethe's own
		}
		callers := []caller{
			{kind: nobody}, {kind: nobody, key: "sk-a-wrong"}, {kind: nobody, key: "sk-alice-inference"}, {kind: nobody, key: "sk-alice-revoked"}, {kind: nobody, key: "sk-gone-platform"},
			{kind: nobody, key: "sk-acme-bob-platform"}, // no longer a member of it
			{kind: plain, key: "sk-carol-platform"}, {kind: reader, key: "sk-connie-platform"}, {kind: stranger, key: "sk-empty-platform"},
			{kind: manager, key: "sk-pmonly-platform"}, {kind: admin, key: "sk-root-platform"},
			{kind: nobody, headers: []string{"Cookie", session(apptest.Bob, "another secret 0123")}}, {kind: nobody, headers: []string{"X-Doubleword-User", "idp|nobody"}},
			{kind: admin, headers: []string{"X-Doubleword-User", "idp|root"}},
			{kind: nobody, headers: []string{"Cookie", ended}}, {kind: plain, exchanged: "sk-carol-platform"}, {kind: admin, exchanged: "sk-root-platform"},
		}
		if whose.id == apptest.Bob {
			callers = append(callers, caller{kind: owner, key: "sk-bob-platform"}, caller{kind: owner, exchanged: "sk-bob-platform"}, caller{kind: stranger, key: "sk-alice-platform"}, caller{kind: stranger, key: "sk-acme-alice-platform"},
				caller{kind: owner, headers: []string{"Cookie", session(apptest.Bob, signed)}}, caller{kind: owner, headers: []string{"X-Doubleword-User", "idp|bob"}},
				caller{kind: stranger, headers: []string{"Cookie", session(apptest.Alice, signed), "X-Organization-Id", apptest.Bob}})
		} else {
			callers = append(callers, caller{kind: member, key: "sk-acme-alice-platform"}, caller{kind: member, exchanged: "sk-acme-alice-platform"}, caller{kind: stranger, key: "sk-bob-platform"},
				caller{kind: member, key: "sk-alice-platform", headers: []string{"X-Organization-Id", acme}}, caller{kind: member, headers: []string{"Cookie", session(apptest.Alice, signed) + "; dw_active_org=" + acme}},
				caller{kind: stranger, key: "sk-bob-platform", headers: []string{"X-Organization-Id", acme}}, caller{kind: stranger, headers: []string{"Cookie", session(apptest.Bob, signed) + "; dw_active_org=" + acme}})
		}
		isGone := map[string]bool{kept: false}
		// wantLeft compares what exists with the responses.
		wantLeft := func(after string) {
			t.Helper()
			apptest.Await(t, "erasures are finished", func() bool {
				return apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.erasures WHERE finished_at IS NULL`) == 0
			})
			for _, gone := range []bool{false, true} {
				var asked []string
				for id, is := range isGone {
					if is == gone {
						asked = append(asked, id)
					}
				}
				want := len(asked)
				if gone {
					want = 0
				}
				if n := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE id IN ('`+strings.Join(append(asked, apptest.MissingID), "', '")+`')`); n != want {
					t.Errorf("after %s, of %d responses (erased: %t): want %d left, got %d", after, len(asked), gone, want, n)
				}
			}
			isGone = map[string]bool{kept: false}
		}
		asked := operations(t)
		for _, operation := range slices.Sorted(maps.Keys(mayDo)) {
			if strings.Contains(operation, ":") && operation != "startErasure: by owner" {
				asked = append(asked, operation)
			}
		}
		for _, operation := range append(asked, "startErasure: by owner") { // which erases what others need
			rule, known := mayDo[operation]
			model := func(c caller) string {
				if slices.Contains(byKey, operation) {
					return whoHasItsKey(c.key, whose.key)
				}
				return rule(c.kind)
			}
			question, has := questions[operation]
			if known == slices.Contains(byKey, operation) || !has {
				t.Errorf("%s: missing in mayDo or in the questions of this test", operation)
				continue
			}
			byOwner := operation == "startErasure: by owner"
			if byOwner {
				isGone = map[string]bool{}
			}
			for _, c := range callers {
				if c.exchanged != "" {
					c.headers = []string{"Cookie", s.exchange(t, c.exchanged)}
				}
				q := question()
				if q.token != "" {
					q.body = token(q.token, c.key, c.headers...)
				}
				methods := []string{q.method}
				if q.method == http.MethodGet {
					methods = append(methods, http.MethodHead)
				}
				for _, method := range methods {
					status, header, text := ask(method, q.path, c.key, q.body, append(slices.Clone(q.headers), c.headers...)...)
					got := allowed
					switch {
					case status == http.StatusUnauthorized:
						got = unknown
					case status == http.StatusForbidden:
						got = forbidden
					case status == http.StatusNotFound:
						got = hidden
					case status == http.StatusConflict:
						got = conflict
					case status >= 300:
						got = fmt.Sprint(status)
					}
					who := fmt.Sprintf("%s %s of %s by %s, %q %.40q", method, operation, whose.key, c.kind, c.key, c.headers)
					want := model(c)
					if q.byKey && c.key == "" {
						want = unknown
					}
					if got != want {
						t.Errorf("%s: want %s, got %s: %s", who, want, got, text)
					}
					if method != http.MethodHead && q.shown != "" && strings.Contains(text, q.shown) != (got == allowed && theirs(c.kind)) {
						t.Errorf("%s: got %s; want %q only in answers to its owners, got %s", who, got, q.shown, text)
					}
					if q.secret != "" && (header.Get(q.secret) != "") != (got == allowed) {
						t.Errorf("%s: got %s; want header %s only if allowed, got %v", who, got, q.secret, header)
					}
				}
				for _, id := range q.gone {
					isGone[id] = model(c) == allowed && theirs(c.kind)
				}
				for _, id := range q.stays {
					isGone[id] = false
				}
				if byOwner { // this must not erase what is created for the next
					wantLeft(fmt.Sprintf("%s by %s, %q %.40q", operation, c.kind, c.key, c.headers))
					delete(isGone, kept)
				}
			}
			if !byOwner {
				wantLeft(operation + " of " + whose.key)
			}
		}
	}
}

// operations returns the operations of the contract.
func operations(t *testing.T) (ids []string) {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range document.Paths.Map() {
		for _, operation := range path.Operations() {
			if operation.OperationID != "" {
				ids = append(ids, operation.OperationID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
