package sdk

import (
	"strings"
	"unicode/utf16"
)

// The alphabet of 3GPP TS 23.038: one septet each, and two for the extension.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// Parts counts the parts in which networks carry and charge a text (3GPP TS
// 23.038 and 23.040): 160 septets in one part or 153 in each of several; as
// soon as one character is outside the GSM alphabet, 70 or 67 UTF-16 units. A
// character of two units is never split between parts.
func Parts(text string) int {
	var widths []int
	single, each := 160, 153
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			widths = append(widths, 1)
		case strings.ContainsRune(gsmExtended, r):
			widths = append(widths, 2)
		default:
			single, each = 70, 67
		}
	}
	if single == 70 {
		widths = widths[:0]
		for _, r := range text {
			widths = append(widths, utf16.RuneLen(r))
		}
	}
	total := 0
	for _, w := range widths {
		total += w
	}
	if total <= single {
		return 1
	}
	parts, filled := 1, 0
	for _, w := range widths {
		if filled+w > each {
			parts, filled = parts+1, 0
		}
		filled += w
	}
	return parts
}
