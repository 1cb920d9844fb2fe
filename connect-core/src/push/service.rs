//! The devices of whoever asks.

use super::{Devices, NewDevice, PushDevice};
use crate::change::ChangeSet;
use crate::desk::Tries;
use crate::record::RecordKind;
use crate::{Access, Action, Actor, Desk, Error, PushDeviceId, Result, UserId, WorkspaceId};

/// The devices of one member.
#[derive(Debug)]
pub struct PushDevices<'a> {
    desk: &'a Desk,
    access: &'a Access,
}

impl Desk {
    /// The devices of whoever this access is.
    pub fn push_devices<'a>(&'a self, access: &'a Access) -> PushDevices<'a> {
        PushDevices { desk: self, access }
    }
}

impl Devices {
    pub(crate) async fn of(desk: &Desk, workspace: WorkspaceId, user: UserId) -> Result<Self> {
        let record = desk.store().record(workspace, Self::KIND, Self::id_of(user)).await?;
        Ok(record.map(|record| record.read()).transpose()?.unwrap_or_else(|| Self::none(user)))
    }

    /// Removes devices that their service knows no more.
    pub(crate) async fn forget(desk: &Desk, workspace: WorkspaceId, user: UserId, gone: &[PushDeviceId]) -> Result<()> {
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let Some(change) = Self::of(desk, workspace, user).await?.remove(gone) else { return Ok(()) };
            let moment = desk.moment_of(Actor::System);
            if desk.commit_to(workspace, ChangeSet::new(&moment).record(change, &moment)).await?.is_some() {
                return Ok(());
            }
        }
    }
}

impl PushDevices<'_> {
    fn owner(&self) -> Result<UserId> {
        self.desk.demand(self.access, Action::ChooseNotifications)?;
        self.access.user().ok_or(Error::Forbidden(Action::ChooseNotifications.as_str()))
    }

    /// All of them, oldest first.
    pub async fn list(&self) -> Result<Vec<PushDevice>> {
        Ok(Devices::of(self.desk, self.access.workspace_id(), self.owner()?).await?.devices)
    }

    /// Adds one. A browser that comes again is the same one.
    pub async fn add(&self, new: NewDevice) -> Result<PushDevice> {
        let user = self.owner()?;
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = Devices::of(self.desk, self.access.workspace_id(), user).await?;
            let moment = self.desk.moment(self.access);
            let (device, change) = present.add(new.clone(), &moment)?;
            let Some(change) = change else { return Ok(device) };
            let changes = ChangeSet::new(&moment).record(change, &moment);
            let committed = match self.desk.commit(self.access, changes).await {
                Err(Error::Taken { .. }) => {
                    self.take_over(&device).await?;
                    continue;
                }
                committed => committed?,
            };
            if let Some(committed) = committed {
                // A twin with the same key may have been quicker: then its device is this one.
                let stored = committed.records.first().map(crate::record::Record::read::<Devices>).transpose()?;
                return Ok(stored.and_then(|stored| stored.devices.last().cloned()).unwrap_or(device));
            }
        }
    }

    /// Takes a browser from whoever used it before.
    async fn take_over(&self, device: &PushDevice) -> Result<()> {
        let workspace = self.access.workspace_id();
        let found = self.desk.store().find(workspace, Devices::KIND, device.reach.key()).await?;
        let Some(former) = found.map(|record| record.read::<Devices>()).transpose()? else { return Ok(()) };
        let same = former.devices.iter().filter(|known| known.reach.key() == device.reach.key());
        let gone: Vec<PushDeviceId> = same.map(|known| known.id).collect();
        Devices::forget(self.desk, workspace, former.user, &gone).await
    }

    /// Removes one.
    pub async fn remove(&self, id: PushDeviceId) -> Result<()> {
        let user = self.owner()?;
        if self.desk.replayed(self.access).await?.is_some() {
            return Ok(());
        }
        let mut tries = Tries::default();
        loop {
            tries.next().await?;
            let present = Devices::of(self.desk, self.access.workspace_id(), user).await?;
            let change = present.remove(&[id]).ok_or(Error::NotFound("push device"))?;
            let moment = self.desk.moment(self.access);
            let changes = ChangeSet::new(&moment).record(change, &moment);
            if self.desk.commit(self.access, changes).await?.is_some() {
                return Ok(());
            }
        }
    }
}
