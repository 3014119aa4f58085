package api

import (
	"context"
	"net/http"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/customers"
	"siegel/web/server"
)

// customerBody is a record as it is stored: the server cannot read it.
type customerBody struct {
	ID         id.Customer `json:"id"`
	Version    int         `json:"version" minimum:"0"`
	Epoch      int         `json:"epoch" minimum:"0" doc:"Of the book key; 0 where it was deleted"`
	Ciphertext seal.Bytes  `json:"ciphertext,omitempty" doc:"Missing where it was deleted"`
}

func bodiesOf(records []customers.Record) []customerBody {
	all := make([]customerBody, 0, len(records))
	for _, r := range records {
		all = append(all, customerBody{r.ID, r.Version, r.Epoch, r.Ciphertext})
	}
	return all
}

type customersQuery struct {
	After int64 `query:"after" minimum:"0" doc:"The cursor of the last answer; 0 for all"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"500"`
}

type customersAnswer struct {
	Body struct {
		Cursor    int64          `json:"cursor"`
		Total     int            `json:"total" doc:"How many there are"`
		More      bool           `json:"more"`
		Customers []customerBody `json:"customers"`
	}
}

type storeCustomersRequest struct {
	Body struct {
		Customers []customerBody `json:"customers" minItems:"1" maxItems:"200" doc:"Each with the version after the one that was read; without ciphertext it is deleted"`
	}
}

type storeCustomersAnswer struct {
	Body struct {
		Current []customerBody `json:"current" doc:"What is stored of those that somebody else has changed; they were left alone"`
	}
}

type customerSettingAnswer struct {
	Body struct {
		Medical bool `json:"medical" doc:"Whether professional law for health care binds the tenant"`
		Import  bool `json:"import" doc:"Whether many records may be brought in at once"`
		// Taken and Room are of documents, which medical practices have none of.
		Taken int64 `json:"taken" doc:"How many octets the documents take"`
		Room  int64 `json:"room" doc:"How many they may take; 0 for medical practices"`
	}
}

type customerSettingRequest struct {
	Body struct {
		Import bool `json:"import"`
	}
}

// customersBody is how much may come in at once: 200 records of the greatest
// length, as text.
const customersBody = 200*46<<10 + 64<<10

// mountCustomers adds the practice's customer records.
func mountCustomers(s *server.Server, v Services) {
	setting := func(ctx context.Context) (*customerSettingAnswer, error) {
		found, err := v.Customers.Setting(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &customerSettingAnswer{}
		answer.Body.Medical, answer.Body.Import = found.Medical, found.Import
		if !found.Medical {
			answer.Body.Room = v.Customers.Quota
		}
		answer.Body.Taken, err = v.Customers.FilesTake(ctx, server.From(ctx).Tenant.ID)
		return answer, err
	}
	server.Register(s, server.Operation{
		ID: "listCustomers", Method: http.MethodGet, Path: "/api/v1/customers",
		Summary: "Customer records that have changed, as ciphertext, in the order of their changes",
	}, func(ctx context.Context, in *customersQuery) (*customersAnswer, error) {
		page, err := v.Customers.After(ctx, server.From(ctx).Tenant.ID, in.After, in.Limit)
		if err != nil {
			return nil, err
		}
		answer := &customersAnswer{}
		b := &answer.Body
		b.Cursor, b.Total, b.More, b.Customers = page.Cursor, page.Total, page.More, bodiesOf(page.Records)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "storeCustomers", Method: http.MethodPost, Path: "/api/v1/customers", Body: customersBody,
		Summary: "Add, replace or delete customer records",
	}, func(ctx context.Context, in *storeCustomersRequest) (*storeCustomersAnswer, error) {
		records := make([]customers.Record, 0, len(in.Body.Customers))
		for _, c := range in.Body.Customers {
			text := []byte(c.Ciphertext)
			if len(text) == 0 {
				text = nil
			}
			records = append(records, customers.Record{ID: c.ID, Version: c.Version, Epoch: c.Epoch, Ciphertext: text})
		}
		out, err := v.Customers.Store(ctx, server.From(ctx).Tenant.ID, records)
		if err != nil {
			return nil, err
		}
		v.recordCustomers(ctx, records, out)
		answer := &storeCustomersAnswer{}
		answer.Body.Current = bodiesOf(out.Current)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getCustomerSettings", Method: http.MethodGet, Path: "/api/v1/customers/settings",
		Summary: "What binds customer records here",
	}, func(ctx context.Context, _ *none) (*customerSettingAnswer, error) { return setting(ctx) })
	server.Register(s, server.Operation{
		ID: "putCustomerSettings", Method: http.MethodPut, Path: "/api/v1/customers/settings",
		Summary: "Decide whether many customer records may be brought in at once",
	}, func(ctx context.Context, in *customerSettingRequest) (*customerSettingAnswer, error) {
		if err := v.Customers.SetImport(ctx, server.From(ctx).Tenant.ID, in.Body.Import); err != nil {
			return nil, err
		}
		v.record(ctx, "customer.allow_import", "", "on", word(in.Body.Import))
		return setting(ctx)
	})
}

// recordCustomers puts into the trail how many records were added and deleted,
// and which, where it was one.
func (v Services) recordCustomers(ctx context.Context, records []customers.Record, out customers.Outcome) {
	left := map[id.Customer]bool{}
	for _, c := range out.Current {
		left[c.ID] = true
	}
	stored := map[string][]id.Customer{}
	for _, r := range records {
		switch {
		case left[r.ID]:
		case r.Gone():
			stored["customer.delete"] = append(stored["customer.delete"], r.ID)
		case r.Version == 1:
			stored["customer.add"] = append(stored["customer.add"], r.ID)
		default:
			stored["customer.put"] = append(stored["customer.put"], r.ID)
		}
	}
	for _, act := range []string{"customer.add", "customer.put", "customer.delete"} {
		switch ids := stored[act]; len(ids) {
		case 0:
		case 1:
			v.record(ctx, act, ids[0].String())
		default:
			v.record(ctx, act, "", "count", decimal(len(ids)))
		}
	}
}
