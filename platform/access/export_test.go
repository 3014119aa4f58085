package access

import (
	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"
)

// Parse reads other rows than the embedded ones.
func Parse(policy string) (*Policy, error) { return parse(modelText, policy) }

// Enforcer is casbin itself on rows, to compare with.
func Enforcer(policy string) (func(...any) (bool, error), error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(policy))
	if err != nil {
		return nil, err
	}
	return e.Enforce, nil
}
