-- Which deletions of a tenant's rows are erasures, which no restored backup
-- undoes.

create trigger tenant_deleted after delete on tenant for each row execute function deletion_recorded('id');
create trigger reseller_member_deleted after delete on reseller_member for each row execute function deletion_recorded('reseller_id', 'account_id');
create trigger platform_member_deleted after delete on platform_member for each row execute function deletion_recorded('account_id');

create trigger member_deleted after delete on member for each row execute function deletion_recorded('tenant_id', 'account_id');
create trigger oidc_binding_deleted after delete on oidc_binding for each row execute function deletion_recorded('tenant_id', 'account_id');
create trigger appointment_deleted after delete on appointment for each row execute function deletion_recorded('tenant_id', 'id');
create trigger card_deleted after delete on card for each row execute function deletion_recorded('tenant_id', 'booking_id');
create trigger patient_copy_deleted after delete on patient_copy for each row execute function deletion_recorded('tenant_id', 'booking_id');
create trigger reminder_deleted after delete on reminder for each row execute function deletion_recorded('tenant_id', 'booking_id');
create trigger reminder_consent_deleted after delete on reminder_consent for each row execute function deletion_recorded('tenant_id', 'id');

-- An envelope that became a card was moved, not erased: a backup from before
-- has the envelope alone, and with it all that there is of the booking.
create function envelope_deleted() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if not exists (select from card c where (c.tenant_id, c.booking_id) = (old.tenant_id, old.booking_id)) then
    insert into deletion_journal (relation, columns, hash)
      values ('envelope', array['tenant_id', 'id'], sha256(convert_to('envelope|' || old.tenant_id || '|' || old.id, 'UTF8')));
  end if;
  return null;
end
$$;
revoke all on function envelope_deleted from public;
create trigger envelope_deleted after delete on envelope for each row execute function envelope_deleted();

do $$
begin
  if to_regclass('bun_migrations_tenants') is not null then
    grant select on bun_migrations_tenants to siegel_server;
  end if;
end
$$;

create trigger customer_deleted after delete on customer for each row execute function deletion_recorded('tenant_id', 'id');
-- What is left of a forgotten customer is a tombstone.
create trigger customer_forgotten after update of ciphertext on customer for each row
  when (old.ciphertext is not null and new.ciphertext is null) execute function deletion_recorded('tenant_id', 'id');
create trigger waiting_deleted after delete on waiting for each row execute function deletion_recorded('tenant_id', 'id');
create trigger waiting_consent_deleted after delete on waiting_consent for each row execute function deletion_recorded('tenant_id', 'id');
create trigger waiting_offer_deleted after delete on waiting_offer for each row execute function deletion_recorded('tenant_id', 'id');
create trigger communication_deleted after delete on communication for each row execute function deletion_recorded('tenant_id', 'id');
create trigger connector_deleted after delete on connector for each row execute function deletion_recorded('tenant_id', 'id');
