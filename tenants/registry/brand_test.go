package registry_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"siegel/tenants/registry"
)

func picture(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range min(w, h) {
		m.Set(i, i, color.RGBA{200, 10, 10, 255})
	}
	return m
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture(w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func chunk(name string, content []byte) []byte {
	c := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content)))
	c = append(c, content...)
	if len(content)%2 == 1 {
		c = append(c, 0)
	}
	return c
}

func webp(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestSaveBrand_KeepsOfALogoThePictureOnly(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, picture(30, 20), nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 12}, []byte("Exif\x00\x00GPS!")...)
	exif = append(exif, photo.Bytes()[2:]...)
	plain := pngOf(t, 30, 20)
	after := append(bytes.Clone(plain), []byte("<script>GPS!</script>")...)
	lossless := []byte{0x2f, 29, 0, 0x04, 0, 1, 2, 3}
	for name, c := range map[string]struct {
		content []byte
		media   string
	}{
		"png":  {after, "image/png"},
		"jpeg": {exif, "image/jpeg"},
		"webp": {webp(chunk("VP8L", lossless), chunk("EXIF", []byte("GPS!")), chunk("XMP ", []byte("GPS!")), chunk("WhAt", []byte("GPS!"))), "image/webp"},
	} {
		r := reseller(t, s, name)
		if !bytes.Contains(c.content, []byte("GPS!")) {
			t.Fatal("the test's own logo has nothing to lose")
		}
		if err := s.SaveBrand(t.Context(), r.ID, r.Version, registry.Brand{Name: name, Logo: c.content, Accent: "#0F5E66"}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := s.Reseller(t.Context(), r.ID)
		if err != nil || got.Brand.LogoType != c.media || len(got.Brand.Logo) == 0 || bytes.Contains(got.Brand.Logo, []byte("GPS!")) || got.Brand.Accent != "#0f5e66" {
			t.Errorf("%s: kept %q (%s), %v", name, got.Brand.Logo, got.Brand.LogoType, err)
		}
		if err := s.SaveBrand(t.Context(), r.ID, r.Version, registry.Brand{Name: name}); !errors.Is(err, registry.ErrChanged) {
			t.Errorf("%s: an older version was saved over a newer one: %v", name, err)
		}
	}
}

func TestSaveBrand_Refuses(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	r := reseller(t, s, "Nord")
	for name, c := range map[string]struct {
		brand registry.Brand
		want  error
	}{
		"no name":         {registry.Brand{}, registry.ErrInvalid},
		"two lines":       {registry.Brand{Name: "a\nb"}, registry.ErrInvalid},
		"turned around":   {registry.Brand{Name: "a\u202eb"}, registry.ErrInvalid},
		"no address":      {registry.Brand{Name: "a", SenderEmail: "nobody"}, registry.ErrInvalid},
		"two addresses":   {registry.Brand{Name: "a", SupportEmail: "a@b.de, c@d.de"}, registry.ErrInvalid},
		"address+header":  {registry.Brand{Name: "a", SenderEmail: "a@b.de\r\nBcc: c@d.de"}, registry.ErrInvalid},
		"no colour":       {registry.Brand{Name: "a", Accent: "red"}, registry.ErrInvalid},
		"colour+style":    {registry.Brand{Name: "a", Accent: "#00000;"}, registry.ErrInvalid},
		"pale colour":     {registry.Brand{Name: "a", Accent: "#ffcc00"}, registry.ErrContrast},
		"svg":             {registry.Brand{Name: "a", Logo: []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)}, registry.ErrLogo},
		"gif":             {registry.Brand{Name: "a", Logo: []byte("GIF89a")}, registry.ErrLogo},
		"half a png":      {registry.Brand{Name: "a", Logo: pngOf(t, 10, 10)[:40]}, registry.ErrLogo},
		"wide png":        {registry.Brand{Name: "a", Logo: pngOf(t, 2001, 1)}, registry.ErrLogo},
		"long":            {registry.Brand{Name: "a", Logo: append(pngOf(t, 1, 1), make([]byte, registry.MaxLogo)...)}, registry.ErrLogo},
		"webp that lies":  {registry.Brand{Name: "a", Logo: append(webp(chunk("VP8L", []byte{0x2f, 0, 0, 0, 0})), 0, 0)}, registry.ErrLogo},
		"webp of nothing": {registry.Brand{Name: "a", Logo: webp(chunk("EXIF", []byte("abcd")))}, registry.ErrLogo},
		"webp, endless":   {registry.Brand{Name: "a", Logo: webp([]byte("VP8L\xff\xff\xff\x7f"))}, registry.ErrLogo},
	} {
		if err := s.SaveBrand(t.Context(), r.ID, 0, c.brand); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if got, err := s.Reseller(t.Context(), r.ID); err != nil || got.Version != r.Version || got.Brand.Name != "Nord" {
		t.Errorf("something was saved: %+v, %v", got, err)
	}
}

func FuzzLogo(f *testing.F) {
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPVP8L\x04\x00\x00\x00\x2f\x00\x00\x00"))
	f.Add(webp(chunk("VP8X", make([]byte, 10)), chunk("VP8L", []byte{0x2f, 0, 0, 0, 0})))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := registry.Brand{Name: "a", Logo: content}.Check()
		if err == nil && (len(b.Logo) > registry.MaxLogo || len(content) > 0 && b.LogoType == "") {
			t.Fatalf("kept %d bytes of type %q", len(b.Logo), b.LogoType)
		}
	})
}

func TestContrast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b     string
		from, to float64
	}{{"#000000", "#ffffff", 21, 21}, {"#ffffff", "#ffffff", 1, 1}, {"#767676", "#ffffff", 4.5, 4.6}, {"#777777", "#ffffff", 4.4, 4.5}, {"#0f5e66", "#ffffff", 7, 8}, {"nope", "#ffffff", 0, 0}} {
		if got := registry.Contrast(c.a, c.b); got < c.from-0.001 || got > c.to+0.001 {
			t.Errorf("%s on %s: %v", c.a, c.b, got)
		}
	}
}

func TestSavePrices(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	r := reseller(t, s, "Nord")
	prices := []registry.Price{{Plan: "klein", Name: "Kleine Praxis", MonthlyCents: 2900, SMSPartMicros: 69_000}, {Plan: "gross", MonthlyCents: 5900}}
	if err := s.SavePrices(t.Context(), r.ID, r.Version, prices); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Reseller(t.Context(), r.ID); err != nil || len(got.Prices) != 2 || got.Prices[0] != prices[0] || got.Version != r.Version+1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, wrong := range map[string][]registry.Price{
		"twice":    {{Plan: "a"}, {Plan: "a"}},
		"nameless": {{}},
		"negative": {{Plan: "a", MonthlyCents: -1}},
		"long":     {{Plan: strings.Repeat("a", 61)}},
	} {
		if err := s.SavePrices(t.Context(), r.ID, 0, wrong); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
