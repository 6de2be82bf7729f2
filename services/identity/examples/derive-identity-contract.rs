//! Writes `services/identity/asyncapi.yaml`, also when the file that is there does not hold: what `annals contracts derive` does for all.

use std::path::Path;

fn main() -> Result<(), annals_contract::disk::DiskError> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let written = annals_contract::disk::derive(&services, &[identity_service::contract()])?;
    written.iter().for_each(|path| println!("{}", path.display()));
    Ok(())
}
