package practice

import (
	"container/list"
	"sync"

	"siegel/platform/id"
)

// recent keeps the offers that were used last, up to a limit.
type recent struct {
	limit int

	mu    sync.Mutex
	order *list.List // of *Offer, the latest in front
	by    map[id.Tenant]*list.Element
}

func newRecent(limit int) *recent {
	return &recent{limit: limit, order: list.New(), by: map[id.Tenant]*list.Element{}}
}

// get returns the offer kept for tenant, or nil.
func (r *recent) get(tenant id.Tenant) *Offer {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.by[tenant]
	if !ok {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(*Offer)
}

func (r *recent) put(offer *Offer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.by[offer.Tenant]; ok {
		e.Value = offer
		r.order.MoveToFront(e)
		return
	}
	r.by[offer.Tenant] = r.order.PushFront(offer)
	if r.order.Len() > r.limit {
		oldest := r.order.Back()
		r.order.Remove(oldest)
		delete(r.by, oldest.Value.(*Offer).Tenant)
	}
}

func (r *recent) drop(tenant id.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.by[tenant]; ok {
		r.order.Remove(e)
		delete(r.by, tenant)
	}
}
