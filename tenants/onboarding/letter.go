package onboarding

import "siegel/tenants/notify"

// Letters are where the letters of onboarding come from, by kind.
func (s *Service) Letters() map[string]notify.Source {
	return map[string]notify.Source{
		notify.RegistrationMail: notify.SourceFunc(s.registrationLetter),
		notify.InvitationMail:   notify.SourceFunc(s.invitationLetter),
		notify.HandoverMail:     notify.SourceFunc(s.invitationLetter),
		notify.AgreementMail:    notify.SourceFunc(s.agreementLetter),
		notify.SupportMail:      notify.SourceFunc(s.supportLetter),
	}
}
