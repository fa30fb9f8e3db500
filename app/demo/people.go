package demo

import "github.com/google/uuid"

// person is a user or an organization. weight is its relative share of the responses.
type person struct {
	login, name string
	admin       bool
	deleted     bool
	roles       []string
	weight      int
}

const mailDomain = "@example.com" // reserved: no real addresses

// The three people whose keys are printed.
var (
	administrator = person{login: "ada.okafor", name: "Ada Okafor", admin: true, roles: []string{"STANDARDUSER"}, weight: 4}
	manager       = person{login: "marta.lindqvist", name: "Marta Lindqvist", roles: []string{"STANDARDUSER", "PLATFORMMANAGER"}, weight: 6}
	user          = person{login: "jonas.weber", name: "Jonas Weber", roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 18}
)

var people = []person{
	administrator, manager, user,
	{login: "yuki.tanaka", name: "田中 ゆき", roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 14},
	{login: "amelie.dubois", name: "Amélie Dubois", roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 10},
	{login: "tomasz.zielinski", name: "Tomasz Zieliński", roles: []string{"STANDARDUSER", "CONNECTIONSUSER"}, weight: 5},
	{login: "priya.raman", name: "Priya Raman", roles: []string{"STANDARDUSER", "BATCHAPIUSER", "REQUESTVIEWER"}, weight: 9},
	{login: "noah.adeyemi", name: "Noah Adeyemi", roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 8},
	{login: "li.wei", name: "李伟", roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 9},
	{login: "karin.holm", name: "Karin Holm", roles: []string{"STANDARDUSER", "BILLINGMANAGER"}, weight: 1},
	{login: "former.colleague", name: "Sam Former", deleted: true, roles: []string{"STANDARDUSER", "BATCHAPIUSER"}, weight: 3},
}

var organizations = []person{
	{login: "aurora-labs", name: "Aurora Labs", weight: 14},
	{login: "harbour-clinic", name: "Harbour Clinic", weight: 10},
}

// memberships lists who is in which organization, and in which role.
var memberships = []struct{ member, organization, role, status string }{
	{"marta.lindqvist", "aurora-labs", "admin", "active"},
	{"jonas.weber", "aurora-labs", "member", "active"},
	{"yuki.tanaka", "aurora-labs", "owner", "active"},
	{"amelie.dubois", "harbour-clinic", "owner", "active"},
	{"noah.adeyemi", "harbour-clinic", "member", "active"},
	{"priya.raman", "harbour-clinic", "member", "pending"},
}

// id is the same on every machine, so that a filled database is recognized.
func (p person) id() uuid.UUID { return idOf(p.login) }

func idOf(login string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceDNS, []byte(login+".demo.lethe"))
}
