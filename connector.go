package main

import "siegel/tenants/connector/command"

// connectorCommands are those that the practice's own computer has as well.
type connectorCommands = command.Commands

func defaultState() string { return command.DefaultState() }
