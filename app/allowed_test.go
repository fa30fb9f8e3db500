package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe"
	"lethe/internal/pgtest"
)

// Kinds of callers, by what the control layer's database says of them.
const (
	nobody   = "nobody"         // no key, or one that is worth nothing here
	plain    = "without a role" // somebody, who may do nothing with responses
	reader   = "reader"         // who may list and fetch their own
	stranger = "another user"   // who may also erase their own, and has none of what is asked for
	owner    = "owner"          // whose it is
	member   = "for an owner"   // who acts for the organization whose it is
	manager  = "manager"        // who may do everything with everyone's
	admin    = "administrator"  // who may see who looked, too
)

// What an answer says.
const (
	unknown   = "unknown"   // 401
	forbidden = "forbidden" // 403
	hidden    = "hidden"    // 404
	allowed   = "allowed"
)

// mayDo is the model: what each kind of caller gets, as docs/ and openapi.yaml have
// it, and nothing of the service's own rules. Of each operation there is one line.
var mayDo = map[string]func(kind string) string{
	"listResponses":       whoReads,
	"getResponse":         whoReadsThis,
	"eraseResponse":       whoErasesThis,
	"previewErasure":      whoErases,
	"startErasure":        whoErases,
	"listErasures":        whoErases,
	"getErasure":          whoAskedForThis,
	"cancelErasure":       whoAskedForThis,
	"listErasureReceipts": whoAskedForThis,
	"watchErasure":        whoAskedForThis,
	"getReceipt":          whoAskedForThis,
	"getCheckpoint":       whoErases,
	"getLogKeys":          whoErases,
	"getTile":             whoErases,

	"listLooks": func(kind string) string { return only(kind, admin) },

	"listHolds": whoManages, "placeHold": whoManages, "getHold": whoManages, "releaseHold": whoManages,

	"listRetentionRules": whoManages, "createRetentionRule": whoManages, "getRetentionRule": whoManages,
	"changeRetentionRule": whoManages, "removeRetentionRule": whoManages, "getRetentionRuleVersion": whoManages,
	"dryRunRetentionRule": whoManages, "enableRetentionRule": whoManages, "disableRetentionRule": whoManages,
}

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
func whoErases(kind string) string  { return only(kind, stranger, owner, member, manager, admin) }
func whoManages(kind string) string { return only(kind, manager, admin) }

// Who may do it with something of their own is not told whether others' is there.
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

// An erasure and its receipts are for who asked for it, with whatever role since, and
// for those who may erase everyone's.
func whoAskedForThis(kind string) string {
	if got := only(kind, owner, member, manager, admin); got != forbidden {
		return got
	}
	return hidden
}

// TestWhoMayDoWhat asks every operation as every kind of caller, about what is a
// person's and what is an organization's, and compares what is answered with the
// model, and what is left with what was answered.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	const acme = "c0000200-0000-4000-8000-000000000001"
	database := pgtest.WithFixture(t)
	exec(t, database.URL, `INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose)
		SELECT 'sk-connie-platform', 'sk-connie-platform', id, id, 'platform' FROM public.users WHERE username = 'connie'`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+newKey(t))

	ask := func(method, path, key, body string) (int, http.Header, string) {
		t.Helper()
		return s.send(t, method, path, key, body)
	}
	// made is the identifier of something new.
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
	respond := func(of string) string {
		models++
		model := fmt.Sprintf("asked-%d", models)
		id := addFinished(t, database.URL, model, 1, "1 hour")[0]
		exec(t, database.URL, fmt.Sprintf(`UPDATE fusillade.requests SET created_by = '%s' WHERE id = '%s'`, of, id))
		return id
	}
	rule := func() string {
		return rulesPath + "/" + made(http.MethodPost, rulesPath, "sk-root-platform", `{"name":"asked for","filter":{"models":["none"]},"age_days":30,"run_at":["00:00"]}`)
	}
	hold := func() string {
		return "/admin/api/v1/holds/" + made(http.MethodPost, "/admin/api/v1/holds", "sk-root-platform", `{"owners":["`+missingID+`"],"reason":"asked for"}`)
	}

	for _, whose := range []struct{ id, key string }{{bob, "sk-bob-platform"}, {acme, "sk-acme-alice-platform"}} {
		erasure := erasuresPath + "/" + made(http.MethodPost, erasuresPath, whose.key, `{"responses":["`+respond(whose.id)+`"]}`)
		_, header, _ := ask(http.MethodDelete, requestsPath+"/"+respond(whose.id), whose.key, "")
		receipt := header.Get("Location")
		await(t, "it is sealed", func() bool {
			status, _, _ := ask(http.MethodGet, receipt, whose.key, "")
			return status == http.StatusOK
		})
		kept, tried := respond(whose.id), rule()

		// Each is what an operation is asked with; what goes with it is made anew.
		type question struct{ method, path, body string }
		questions := map[string]func() question{
			"listResponses":       func() question { return question{"GET", requestsPath, ""} },
			"getResponse":         func() question { return question{"GET", requestsPath + "/" + kept, ""} },
			"eraseResponse":       func() question { return question{"DELETE", requestsPath + "/" + respond(whose.id), ""} },
			"previewErasure":      func() question { return question{"POST", erasuresPath + "/preview", `{"responses":["` + kept + `"]}`} },
			"startErasure":        func() question { return question{"POST", erasuresPath, `{"responses":["` + respond(whose.id) + `"]}`} },
			"listErasures":        func() question { return question{"GET", erasuresPath, ""} },
			"getErasure":          func() question { return question{"GET", erasure, ""} },
			"cancelErasure":       func() question { return question{"POST", erasure + "/cancel", ""} },
			"listErasureReceipts": func() question { return question{"GET", erasure + "/receipts", ""} },
			"watchErasure":        func() question { return question{"GET", erasure + "/events", ""} },
			"getReceipt":          func() question { return question{"GET", receipt, ""} },
			"getCheckpoint":       func() question { return question{"GET", "/log/checkpoint", ""} },
			"getLogKeys":          func() question { return question{"GET", "/log/keys", ""} },
			"getTile":             func() question { return question{"GET", "/log/tile/0/000.p/1", ""} },
			"listLooks":           func() question { return question{"GET", "/admin/api/v1/looks", ""} },
			"listHolds":           func() question { return question{"GET", "/admin/api/v1/holds", ""} },
			"placeHold": func() question {
				return question{"POST", "/admin/api/v1/holds", `{"owners":["` + missingID + `"],"reason":"r"}`}
			},
			"getHold":            func() question { return question{"GET", hold(), ""} },
			"releaseHold":        func() question { return question{"DELETE", hold(), ""} },
			"listRetentionRules": func() question { return question{"GET", rulesPath, ""} },
			"createRetentionRule": func() question {
				return question{"POST", rulesPath, `{"name":"n","filter":{"models":["none"]},"age_days":30,"run_at":["00:00"]}`}
			},
			"getRetentionRule": func() question { return question{"GET", tried, ""} },
			"changeRetentionRule": func() question {
				return question{"PUT", rule(), `{"version":1,"name":"n","filter":{"models":["none"]},"age_days":31,"run_at":["00:00"]}`}
			},
			"removeRetentionRule":     func() question { return question{"DELETE", rule(), ""} },
			"getRetentionRuleVersion": func() question { return question{"GET", tried + "/versions/1", ""} },
			"dryRunRetentionRule":     func() question { return question{"POST", rule() + "/dry-run", ""} },
			"enableRetentionRule": func() question {
				at := rule()
				if status, _, text := ask("POST", at+"/dry-run", "sk-root-platform", ""); status != http.StatusOK {
					t.Fatalf("%d %s", status, text)
				}
				return question{"POST", at + "/enable", `{"version":1}`}
			},
			"disableRetentionRule": func() question { return question{"POST", rule() + "/disable", ""} },
		}
		callers := map[string]string{
			"": nobody, "sk-a-wrong": nobody, "sk-alice-inference": nobody, "sk-alice-revoked": nobody, "sk-gone-platform": nobody,
			"sk-acme-bob-platform": nobody, // no member of it any more
			"sk-carol-platform":    plain, "sk-connie-platform": reader, "sk-empty-platform": stranger,
			"sk-pmonly-platform": manager, "sk-root-platform": admin,
		}
		if whose.id == bob {
			callers["sk-bob-platform"], callers["sk-alice-platform"], callers["sk-acme-alice-platform"] = owner, stranger, stranger
		} else {
			callers["sk-acme-alice-platform"], callers["sk-bob-platform"] = member, stranger
		}
		for _, operation := range operations(t) {
			model, known := mayDo[operation]
			question, asked := questions[operation]
			if !known || !asked {
				t.Errorf("of %s nobody says who may do it", operation)
				continue
			}
			for key, kind := range callers {
				q := question()
				status, _, text := ask(q.method, q.path, key, q.body)
				got := allowed
				switch {
				case status == http.StatusUnauthorized:
					got = unknown
				case status == http.StatusForbidden:
					got = forbidden
				case status == http.StatusNotFound:
					got = hidden
				case status >= 300 && status != http.StatusConflict:
					got = fmt.Sprint(status)
				}
				if want := model(kind); got != want {
					t.Errorf("%s of %s by %q, %s: want %s, got %s: %s", operation, whose.key, key, kind, want, got, text)
				}
				if operation == "eraseResponse" {
					id := strings.TrimPrefix(q.path, requestsPath+"/")
					if gone := number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE id = '`+id+`'`) == 0; gone != (got == allowed) {
						t.Errorf("%s by %q: answered %s, gone: %v", operation, key, got, gone)
					}
				}
			}
		}
		if n := number(t, database.URL, `SELECT count(*) FROM fusillade.requests WHERE id = '`+kept+`'`); n != 1 {
			t.Errorf("what nobody asked to be erased is gone")
		}
	}
}

// operations are those of the contract.
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
