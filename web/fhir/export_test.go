package fhir

// Parse is how bodies are read.
var Parse = parse
