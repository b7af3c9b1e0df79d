//! Plugins that can't be put in order. Messages name their lines: new ones go to the end of the file.

use chassis::prelude::*;

/// Can't be without billing.
#[plugin(requires = ["billing"])]
pub(crate) struct Invoices;

/// Can't be without invoices.
#[plugin(requires = ["invoices"])]
pub(crate) struct Billing;

/// Requires what is called otherwise.
#[plugin(requires = ["stocks"])]
pub(crate) struct Discounts;

/// Requires a later version than there is.
#[plugin(requires = ["customers ^2.1"])]
pub(crate) struct Loyalty;

/// Is older than somebody needs it.
#[plugin(version = "1.4.0")]
pub(crate) struct Customers;
