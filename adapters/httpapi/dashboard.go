package httpapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"lethe/domain"
)

// What dwctl's dashboard asks for before it shows a view, in dwctl's form. It is no part
// of the contract: beside dwctl, dwctl answers it.
const (
	dashboardUserPath   = "/admin/api/v1/users/current"
	dashboardConfigPath = "/admin/api/v1/config"
)

// serveDashboard adds these paths if there is a use case for them.
func (s *server) serveDashboard(routes router, cfg Config) {
	if s.Profile == nil {
		return
	}
	for path, answer := range map[string]func(echo.Context, domain.Principal) error{
		dashboardUserPath: s.dashboardUser, dashboardConfigPath: dashboardConfig,
	} {
		routes.GET(path, func(c echo.Context) error {
			r := c.Request()
			caller, err := s.Identify.Execute(r.Context(), s.Credentials(r))
			if err != nil {
				return err
			}
			s.know(c, caller)
			giveBack, err := s.shares.requests.take(r.Context(), caller.ID, 1)
			if err != nil {
				return err
			}
			defer giveBack()
			return answer(c, caller)
		}, deadline(cfg.GetTimeout))
	}
}

// dashboardRoles are dwctl's spellings of the roles.
var dashboardRoles = map[domain.Role]string{
	domain.RolePlatformManager: "PlatformManager", "REQUESTVIEWER": "RequestViewer", "STANDARDUSER": "StandardUser",
	"BILLINGMANAGER": "BillingManager", domain.RoleBatchAPIUser: "BatchAPIUser", domain.RoleConnectionsUser: "ConnectionsUser",
}

// dashboardUser is dwctl's answer about the caller. Lethe has no bills, so whatever is
// about them is off.
type dashboardUser struct {
	ID             uuid.UUID               `json:"id"`
	Username       string                  `json:"username"`
	Email          string                  `json:"email"`
	DisplayName    *string                 `json:"display_name"`
	AvatarURL      *string                 `json:"avatar_url"`
	Admin          bool                    `json:"is_admin"`
	Roles          []string                `json:"roles"`
	CreatedAt      time.Time               `json:"created_at"`
	UpdatedAt      time.Time               `json:"updated_at"`
	LastLogin      *time.Time              `json:"last_login"`
	Source         string                  `json:"auth_source"`
	ExternalID     *string                 `json:"external_user_id"`
	Type           string                  `json:"user_type"`
	Organizations  []dashboardOrganization `json:"organizations"`
	ActiveOrg      *uuid.UUID              `json:"active_organization_id,omitempty"`
	HasPayment     bool                    `json:"has_payment_provider_id"`
	HasTopUp       bool                    `json:"has_auto_topup_payment_method"`
	Notified       bool                    `json:"batch_notifications_enabled"`
	LowBalance     *float64                `json:"low_balance_threshold"`
	TopUp          *float64                `json:"auto_topup_amount"`
	TopUpThreshold *float64                `json:"auto_topup_threshold"`
	TopUpLimit     *float64                `json:"auto_topup_monthly_limit"`
	Verified       bool                    `json:"verified"`
	ZeroRetention  bool                    `json:"zero_data_retention"`
	Invoicing      bool                    `json:"invoicing_enabled"`
}

type dashboardOrganization struct {
	ID            uuid.UUID `json:"id"`
	Name          string    `json:"name"`
	Role          string    `json:"role"`
	ManagesKeys   bool      `json:"can_manage_keys"`
	ZeroRetention bool      `json:"zero_data_retention"`
	Verified      bool      `json:"verified"`
}

func (s *server) dashboardUser(c echo.Context, caller domain.Principal) error {
	p, err := s.Profile.Execute(c.Request().Context(), caller)
	if err != nil {
		return err
	}
	roles := []string{}
	for _, role := range caller.Roles {
		if name := dashboardRoles[role]; name != "" {
			roles = append(roles, name)
		}
	}
	// The dashboard goes by roles alone.
	if manager := dashboardRoles[domain.RolePlatformManager]; caller.Admin && !slices.Contains(roles, manager) {
		roles = append(roles, manager)
	}
	return c.JSON(http.StatusOK, dashboardUser{
		ID: caller.ID, Username: p.Username, Email: caller.Email, DisplayName: p.DisplayName, AvatarURL: p.AvatarURL,
		Admin: caller.Admin, Roles: roles, CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(), LastLogin: utc(p.LastLogin),
		Source: p.Source, ExternalID: p.ExternalID, Type: "individual", ActiveOrg: caller.Organization,
		Organizations: convert(p.Organizations, func(o domain.Affiliation) dashboardOrganization {
			return dashboardOrganization{ID: o.ID, Name: o.Name, Role: o.Role}
		}),
	})
}

// dashboardConfig shows the views of responses, which the dashboard calls asynchronous
// requests and has among those of batches.
func dashboardConfig(c echo.Context, _ domain.Principal) error {
	type async struct {
		Enabled bool   `json:"enabled"`
		Window  string `json:"completion_window"`
	}
	type batches struct {
		Enabled bool     `json:"enabled"`
		Windows []string `json:"allowed_completion_windows"`
		Paths   []string `json:"allowed_url_paths"`
		Async   async    `json:"async_requests"`
	}
	type onwards struct {
		Strict bool `json:"strict_mode"`
	}
	return c.JSON(http.StatusOK, struct {
		Region       *string `json:"region"`
		Organization *string `json:"organization"`
		Payment      bool    `json:"payment_enabled"`
		DocsJSONL    *string `json:"docs_jsonl_url"`
		Docs         string  `json:"docs_url"`
		Batches      batches `json:"batches"`
		Onwards      onwards `json:"onwards"`
	}{Batches: batches{Enabled: true, Windows: []string{"24h"}, Paths: []string{}, Async: async{true, "1h"}}})
}
