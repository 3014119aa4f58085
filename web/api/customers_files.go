package api

import (
	"context"
	"net/http"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/customers"
	"siegel/web/server"
)

// fileBody is a document as it is stored: the server cannot read it, nor what it
// is called.
type fileBody struct {
	ID         id.File     `json:"id"`
	Customer   id.Customer `json:"customer"`
	Epoch      int         `json:"epoch" minimum:"1" doc:"Of the book key"`
	Ciphertext seal.Bytes  `json:"ciphertext" doc:"Nonce, content in steps of 16 KiB, tag"`
}

type (
	addFileRequest struct{ Body fileBody }
	fileRequest    struct {
		File id.File `path:"file"`
	}
	fileAnswer       struct{ Body fileBody }
	moveFilesRequest struct {
		Body struct {
			To    id.Customer `json:"to"`
			Files []id.File   `json:"files" minItems:"1" maxItems:"100"`
		}
	}
)

// filesBody is how much may come in at once: a document of the greatest length,
// as text.
const filesBody = (customers.MaxFile+customers.FileStep)/3*4 + 64<<10

// mountFiles adds documents with customer records.
func mountFiles(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "addFile", Method: http.MethodPost, Path: "/api/v1/files", Status: http.StatusNoContent, Body: filesBody,
		Summary: "Keep a document with a customer record; medical practices have none",
	}, func(ctx context.Context, in *addFileRequest) (*none, error) {
		b := in.Body
		f := customers.File{ID: b.ID, Customer: b.Customer, Epoch: b.Epoch, Ciphertext: b.Ciphertext}
		if err := v.Customers.AddFile(ctx, server.From(ctx).Tenant.ID, f); err != nil {
			return nil, err
		}
		v.record(ctx, "file.add", b.Customer.String())
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "getFile", Method: http.MethodGet, Path: "/api/v1/files/{file}",
		Summary: "A document, as ciphertext",
	}, func(ctx context.Context, in *fileRequest) (*fileAnswer, error) {
		f, err := v.Customers.FindFile(ctx, server.From(ctx).Tenant.ID, in.File)
		if err != nil {
			return nil, err
		}
		return &fileAnswer{fileBody{f.ID, f.Customer, f.Epoch, f.Ciphertext}}, nil
	})
	server.Register(s, server.Operation{
		ID: "moveFiles", Method: http.MethodPut, Path: "/api/v1/files", Status: http.StatusNoContent,
		Summary: "Put documents with another record, when two become one",
	}, func(ctx context.Context, in *moveFilesRequest) (*none, error) {
		return nil, v.Customers.MoveFiles(ctx, server.From(ctx).Tenant.ID, in.Body.Files, in.Body.To)
	})
	server.Register(s, server.Operation{
		ID: "removeFile", Method: http.MethodDelete, Path: "/api/v1/files/{file}", Status: http.StatusNoContent,
		Summary: "Delete a document",
	}, func(ctx context.Context, in *fileRequest) (*none, error) {
		if err := v.Customers.RemoveFile(ctx, server.From(ctx).Tenant.ID, in.File); err != nil {
			return nil, err
		}
		v.record(ctx, "file.remove", "")
		return nil, nil
	})
}
