package sdk

import "sync/atomic"

// InForce keeps what a plugin has made of the settings that are in force. Its
// zero value has none. It may be used from many goroutines.
type InForce[T any] struct{ current atomic.Pointer[T] }

// Put brings next into force and returns what was before; nil for the first.
func (f *InForce[T]) Put(next *T) (former *T) { return f.current.Swap(next) }

// Get returns what is in force. It returns an error of kind [BadSettings]
// before there were any settings.
func (f *InForce[T]) Get() (*T, error) {
	current := f.current.Load()
	if current == nil {
		return nil, BadSetting("the plugin has no settings yet")
	}
	return current, nil
}

// BadSetting is an error of kind [BadSettings].
func BadSetting(detail string) *Error { return &Error{Kind: BadSettings, Detail: detail} }
