package registry

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siegel/platform/fault"
	"siegel/platform/id"
)

// Brand is how a reseller, or the platform, shows itself: in its portal, to its
// practices and in letters.
type Brand struct {
	Name string
	// SenderName and SenderEmail are who letters come from; the name where empty.
	SenderName, SenderEmail string
	// SupportPhone and SupportEmail are what practices see who need help.
	SupportPhone, SupportEmail string
	// Accent is a colour, #rrggbb in lower case, or empty. Its contrast to white
	// and to the paper of the pages is at least 4.5:1 (WCAG 2.2, 1.4.3).
	Accent  string
	Imprint string
	// Logo is a PNG, JPEG or WebP that holds nothing but the picture; LogoType
	// is its media type. Both may be empty.
	Logo     []byte
	LogoType string
}

// MaxLogo is how long a logo may be, in octets.
const MaxLogo = 64 << 10

// Model is with whom practices have their contract.
type Model string

// The contract models.
const (
	// WithOperator: the practice's contract is with the operator.
	WithOperator Model = "operator"
	// WithReseller: it is with the reseller, and the operator is its sub-processor.
	WithReseller Model = "reseller"
)

// Price is a row of a price list.
type Price struct {
	Plan string `json:"plan"`
	Name string `json:"name"`
	// MonthlyCents is what the plan costs a month, in cents.
	MonthlyCents int `json:"monthly_cents"`
	// SMSPartMicros is what a part of a text message costs, in millionths: a
	// cent is 10,000.
	SMSPartMicros int64 `json:"sms_part_micros"`
}

// Reseller is who sells and looks after practices.
type Reseller struct {
	ID      id.Reseller
	Version int64
	Status  Status // Active or Suspended
	Brand   Brand
	Model   Model
	// Zone is by whose clock a month ends, an IANA name.
	Zone   string
	Prices []Price
	// MaxTenants is how many tenants it may have at once; nil is no limit.
	MaxTenants *int
	// TrialDays is how long the trial of a new tenant is; zero is none.
	TrialDays int
	Created   time.Time // UTC
	Tenants   int       // how many are not closed
}

// What callers act on.
var (
	ErrUnknownReseller   = fault.New(fault.NotFound, "unknown_reseller")
	ErrResellerSuspended = fault.New(fault.Conflict, "reseller_suspended")
	// ErrChanged is returned where somebody else has saved meanwhile.
	ErrChanged = fault.New(fault.Conflict, "version_changed")
	// ErrLogo is returned for a logo that is too long, too wide, or no PNG, JPEG
	// or WebP.
	ErrLogo = fault.New(fault.Invalid, "invalid_logo")
	// ErrContrast is returned for a colour that letters cannot be read on.
	ErrContrast = fault.New(fault.Invalid, "low_contrast")
	// ErrInvalid is what [Mistakes] are.
	ErrInvalid = fault.New(fault.Invalid, "invalid_fields")
)

// Mistake is a field that is not as it has to be: its name in the API, and why
// as a stable word.
type Mistake struct {
	Field string `json:"field"`
	Why   string `json:"why"`
}

// Mistakes are all of them.
type Mistakes []Mistake

func (m Mistakes) Error() string { return fmt.Sprintf("%d invalid fields", len(m)) }

// Unwrap returns the fault.
func (m Mistakes) Unwrap() error { return ErrInvalid }

func (m Mistakes) orNil() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// NewReseller registers a reseller with the name and the defaults of the rest.
func (s *Service) NewReseller(ctx context.Context, name string) (Reseller, error) {
	if name == "" || !isText(name, 120) {
		return Reseller{}, Mistakes{{"name", "malformed"}}
	}
	r := id.New[id.Reseller]()
	if _, err := s.DB.Global().NewRaw(`insert into reseller (id, name) values (?, ?)`, r, name).Exec(ctx); err != nil {
		return Reseller{}, fmt.Errorf("create reseller: %w", err)
	}
	return s.Reseller(ctx, r)
}

type resellerRow struct {
	ID                         id.Reseller
	Version                    int64
	Status, Name               string
	SenderName, SenderEmail    string
	SupportPhone, SupportEmail string
	Accent, Imprint            string
	Logo                       []byte
	LogoType                   string
	ContractModel              string
	Zone                       string
	Prices                     string
	MaxTenants                 *int
	TrialDays                  int
	Created                    time.Time
	Tenants                    int
}

const resellerColumns = `r.id, r.version, r.status, r.name, r.sender_name, r.sender_email, r.support_phone, r.support_email, r.accent, r.imprint,
	r.logo, r.logo_type, r.contract_model, r.zone, r.prices::text as prices, r.max_tenants, r.trial_days, r.created,
	(select count(*) from tenant t where t.reseller_id = r.id and t.status <> 'closed') as tenants`

func (r resellerRow) reseller() (Reseller, error) {
	x := Reseller{
		ID: r.ID, Version: r.Version, Status: Status(r.Status), Model: Model(r.ContractModel), Zone: r.Zone, MaxTenants: r.MaxTenants,
		TrialDays: r.TrialDays, Created: r.Created.UTC(), Tenants: r.Tenants,
		Brand: Brand{Name: r.Name, SenderName: r.SenderName, SenderEmail: r.SenderEmail, SupportPhone: r.SupportPhone, SupportEmail: r.SupportEmail,
			Accent: r.Accent, Imprint: r.Imprint, Logo: r.Logo, LogoType: r.LogoType},
		Prices: []Price{},
	}
	if err := json.Unmarshal([]byte(r.Prices), &x.Prices); err != nil {
		return Reseller{}, fmt.Errorf("stored price list: %w", err)
	}
	return x, nil
}

// Reseller reads a reseller. It returns [ErrUnknownReseller].
func (s *Service) Reseller(ctx context.Context, reseller id.Reseller) (Reseller, error) {
	var r resellerRow
	err := s.DB.Global().NewRaw(`select `+resellerColumns+` from reseller r where r.id = ?`, reseller).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Reseller{}, ErrUnknownReseller
	}
	if err != nil {
		return Reseller{}, fmt.Errorf("read reseller: %w", err)
	}
	return r.reseller()
}

// Resellers are all of them by name.
func (s *Service) Resellers(ctx context.Context) ([]Reseller, error) {
	var rows []resellerRow
	if err := s.DB.Global().NewRaw(`select `+resellerColumns+` from reseller r order by lower(r.name), r.id`).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list resellers: %w", err)
	}
	all := make([]Reseller, 0, len(rows))
	for _, row := range rows {
		r, err := row.reseller()
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// BrandOf is who a tenant's letters come from and whom it turns to for help:
// its reseller, or the platform.
func (s *Service) BrandOf(ctx context.Context, t Tenant) (Brand, error) {
	if t.Reseller.IsZero() {
		return s.Platform, nil
	}
	r, err := s.Reseller(ctx, t.Reseller)
	if err != nil {
		return Brand{}, err
	}
	return r.Brand, nil
}

// SaveBrand stores a reseller's brand, checked and with the logo cleaned. It
// returns [Mistakes], [ErrLogo], [ErrContrast], [ErrChanged] or
// [ErrUnknownReseller].
func (s *Service) SaveBrand(ctx context.Context, reseller id.Reseller, version int64, b Brand) error {
	b, err := b.Check()
	if err != nil {
		return err
	}
	var logo any
	if len(b.Logo) > 0 {
		logo = b.Logo
	}
	return s.saveReseller(ctx, reseller, version, `name = ?, sender_name = ?, sender_email = ?, support_phone = ?, support_email = ?, accent = ?, imprint = ?, logo = ?, logo_type = ?`,
		b.Name, b.SenderName, b.SenderEmail, b.SupportPhone, b.SupportEmail, b.Accent, b.Imprint, logo, b.LogoType)
}

// Check returns the brand in the form in which it is kept. It returns
// [Mistakes], [ErrLogo] or [ErrContrast].
func (b Brand) Check() (Brand, error) {
	var wrong Mistakes
	line := func(field string, text *string, most int) {
		*text = strings.TrimSpace(*text)
		if !isText(*text, most) {
			wrong = append(wrong, Mistake{field, "malformed"})
		}
	}
	line("name", &b.Name, 120)
	line("sender_name", &b.SenderName, 120)
	line("support_phone", &b.SupportPhone, 40)
	for field, address := range map[string]*string{"sender_email": &b.SenderEmail, "support_email": &b.SupportEmail} {
		line(field, address, 254)
		if *address == "" {
			continue
		}
		if parsed, err := mail.ParseAddress(*address); err != nil || parsed.Address != *address {
			wrong = append(wrong, Mistake{field, "malformed"})
		}
	}
	if b.Name == "" {
		wrong = append(wrong, Mistake{"name", "missing"})
	}
	if len(b.Imprint) > 5000 || !utf8.ValidString(b.Imprint) || strings.ContainsRune(b.Imprint, 0) {
		wrong = append(wrong, Mistake{"imprint", "malformed"})
	}
	if err := wrong.orNil(); err != nil {
		return b, err
	}
	if b.Accent = strings.ToLower(b.Accent); b.Accent != "" {
		against := min(Contrast(b.Accent, "#ffffff"), Contrast(b.Accent, "#fbfaf7"))
		switch {
		case against == 0:
			return b, Mistakes{{"accent", "malformed"}}
		case against < 4.5:
			return b, ErrContrast
		}
	}
	var err error
	b.Logo, b.LogoType, err = cleanLogo(b.Logo)
	return b, err
}

// SaveContract stores with whom practices have their contract, by whose clock
// months end, and how long trials are. It returns [Mistakes], [ErrChanged] or
// [ErrUnknownReseller].
func (s *Service) SaveContract(ctx context.Context, reseller id.Reseller, version int64, model Model, zone string, trialDays int) error {
	var wrong Mistakes
	if model != WithOperator && model != WithReseller {
		wrong = append(wrong, Mistake{"contract_model", "unknown"})
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		wrong = append(wrong, Mistake{"zone", "unknown"})
	}
	if trialDays < 0 || trialDays > 365 {
		wrong = append(wrong, Mistake{"trial_days", "range"})
	}
	if err := wrong.orNil(); err != nil {
		return err
	}
	return s.saveReseller(ctx, reseller, version, `contract_model = ?, zone = ?, trial_days = ?`, string(model), zone, trialDays)
}

// SavePrices stores a price list. What a closed month came to stays. It returns
// [Mistakes], [ErrChanged] or [ErrUnknownReseller].
func (s *Service) SavePrices(ctx context.Context, reseller id.Reseller, version int64, prices []Price) error {
	var wrong Mistakes
	seen := map[string]bool{}
	if len(prices) > 50 {
		wrong = append(wrong, Mistake{"prices", "too_many"})
	}
	for i, p := range prices {
		field := "prices." + strconv.Itoa(i)
		switch {
		case p.Plan == "" || !isText(p.Plan, 60):
			wrong = append(wrong, Mistake{field + ".plan", "malformed"})
		case seen[p.Plan]:
			wrong = append(wrong, Mistake{field + ".plan", "twice"})
		}
		seen[p.Plan] = true
		if !isText(p.Name, 120) {
			wrong = append(wrong, Mistake{field + ".name", "malformed"})
		}
		if p.MonthlyCents < 0 || p.MonthlyCents > 10_000_000 {
			wrong = append(wrong, Mistake{field + ".monthly_cents", "range"})
		}
		if p.SMSPartMicros < 0 || p.SMSPartMicros > 100_000_000 {
			wrong = append(wrong, Mistake{field + ".sms_part_micros", "range"})
		}
	}
	if err := wrong.orNil(); err != nil {
		return err
	}
	if prices == nil {
		prices = []Price{}
	}
	text, err := json.Marshal(prices)
	if err != nil {
		return err
	}
	return s.saveReseller(ctx, reseller, version, `prices = ?::jsonb`, string(text))
}

// SetLimits says how many tenants a reseller may have (nil: as many as it
// likes) and whether it may make new ones at all. It returns
// [ErrUnknownReseller] or [Mistakes].
func (s *Service) SetLimits(ctx context.Context, reseller id.Reseller, status Status, maxTenants *int) error {
	if status != Active && status != Suspended || maxTenants != nil && *maxTenants < 0 {
		return Mistakes{{"max_tenants", "range"}}
	}
	return s.saveReseller(ctx, reseller, 0, `status = ?, max_tenants = ?`, string(status), maxTenants)
}

// saveReseller changes a row whose version is still the one given; zero is any.
func (s *Service) saveReseller(ctx context.Context, reseller id.Reseller, version int64, set string, args ...any) error {
	result, err := s.DB.Global().NewRaw(`update reseller set `+set+`, version = version + 1 where id = ? and (? = 0 or version = ?)`,
		append(args, reseller, version, version)...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save reseller: %w", err)
	}
	s.names.forget()
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("save reseller: %w", err)
	} else if n > 0 {
		return nil
	}
	if _, err := s.Reseller(ctx, reseller); err != nil {
		return err
	}
	return ErrChanged
}

// Contrast is that of two colours, #rrggbb, by WCAG 2.2: 1 to 21. It is 0 where
// one is none.
func Contrast(a, b string) float64 {
	la, oka := luminance(a)
	lb, okb := luminance(b)
	if !oka || !okb {
		return 0
	}
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(colour string) (float64, bool) {
	if len(colour) != 7 || colour[0] != '#' {
		return 0, false
	}
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	if err != nil {
		return 0, false
	}
	channel := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n), true
}

const maxSide = 2000

// cleanLogo returns a picture with everything but the picture taken out: what a
// camera or an editor wrote into it, and whatever else hides in a file. SVG is
// none of the formats: it is a program.
func cleanLogo(content []byte) (clean []byte, media string, err error) {
	if len(content) == 0 {
		return nil, "", nil
	}
	if len(content) > MaxLogo {
		return nil, "", ErrLogo
	}
	if bytes.HasPrefix(content, []byte("RIFF")) {
		clean, err := cleanWebP(content)
		return clean, "image/webp", err
	}
	var out bytes.Buffer
	switch {
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		config, err := png.DecodeConfig(bytes.NewReader(content))
		if err != nil || !fits(config) {
			return nil, "", ErrLogo
		}
		picture, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			return nil, "", ErrLogo
		}
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, picture); err != nil {
			return nil, "", ErrLogo
		}
		media = "image/png"
	case bytes.HasPrefix(content, []byte{0xff, 0xd8, 0xff}):
		config, err := jpeg.DecodeConfig(bytes.NewReader(content))
		if err != nil || !fits(config) {
			return nil, "", ErrLogo
		}
		picture, err := jpeg.Decode(bytes.NewReader(content))
		if err != nil {
			return nil, "", ErrLogo
		}
		if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 88}); err != nil {
			return nil, "", ErrLogo
		}
		media = "image/jpeg"
	default:
		return nil, "", ErrLogo
	}
	if out.Len() > MaxLogo {
		return nil, "", ErrLogo
	}
	return out.Bytes(), media, nil
}

func fits(c image.Config) bool {
	return c.Width > 0 && c.Height > 0 && c.Width <= maxSide && c.Height <= maxSide
}

// cleanWebP keeps the chunks that are the picture (RFC 9649) and drops the rest.
func cleanWebP(content []byte) ([]byte, error) {
	if len(content) < 20 || string(content[8:12]) != "WEBP" || int(binary.LittleEndian.Uint32(content[4:]))+8 != len(content) {
		return nil, ErrLogo
	}
	var kept []byte
	pictures := 0
	for rest := content[12:]; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, ErrLogo
		}
		name, size := string(rest[:4]), int(binary.LittleEndian.Uint32(rest[4:]))
		padded := 8 + size + size&1
		if size < 0 || padded > len(rest) {
			return nil, ErrLogo
		}
		chunk := bytes.Clone(rest[:padded])
		rest = rest[padded:]
		switch name {
		case "VP8X":
			if size != 10 {
				return nil, ErrLogo
			}
			chunk[8] &= 0x10 // that there is transparency stays said, of the rest there is none
			width, height := 1+int(chunk[12])|int(chunk[13])<<8|int(chunk[14])<<16, 1+int(chunk[15])|int(chunk[16])<<8|int(chunk[17])<<16
			if width > maxSide || height > maxSide {
				return nil, ErrLogo
			}
		case "VP8 ":
			if size < 10 || !bytes.Equal(chunk[11:14], []byte{0x9d, 0x01, 0x2a}) {
				return nil, ErrLogo
			}
			if w, h := int(binary.LittleEndian.Uint16(chunk[14:]))&0x3fff, int(binary.LittleEndian.Uint16(chunk[16:]))&0x3fff; w > maxSide || h > maxSide || w == 0 || h == 0 {
				return nil, ErrLogo
			}
			pictures++
		case "VP8L":
			if size < 5 || chunk[8] != 0x2f {
				return nil, ErrLogo
			}
			if bits := binary.LittleEndian.Uint32(chunk[9:]); int(bits&0x3fff)+1 > maxSide || int(bits>>14&0x3fff)+1 > maxSide {
				return nil, ErrLogo
			}
			pictures++
		case "ALPH":
		default:
			continue
		}
		kept = append(kept, chunk...)
	}
	if pictures != 1 {
		return nil, ErrLogo
	}
	clean := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(kept)+4))
	return append(append(clean, "WEBP"...), kept...), nil
}

// isText holds for one line of at most that many bytes; it may be empty.
func isText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}
