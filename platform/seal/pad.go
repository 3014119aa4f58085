package seal

import "bytes"

// Steps of padding, in bytes, and the largest padded sizes. An envelope with
// its tag stays within 16 KiB, a patient's copy within 8 KiB.
const (
	stepBooking = 2048
	stepCopy    = 1024
	maxBooking  = 7 * stepBooking
	maxCopy     = 7 * stepCopy
)

// pad fills JSON with spaces up to a multiple of step, at least one step.
// JSON ends with a bracket, so that what unpad takes off is padding alone.
func pad(plaintext []byte, step, most int) ([]byte, error) {
	n := max(1, (len(plaintext)+step-1)/step) * step
	if n > most {
		return nil, ErrTooLong
	}
	padded := bytes.Repeat([]byte{' '}, n)
	copy(padded, plaintext)
	return padded, nil
}

func unpad(padded []byte) []byte { return bytes.TrimRight(padded, " ") }

// padded reports whether n is a length that pad makes.
func padded(n, step, most int) bool { return n >= step && n <= most && n%step == 0 }
