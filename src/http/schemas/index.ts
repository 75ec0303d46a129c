import type { Component } from './component.ts';
import { Account, AccountCheck, AccountFinding, AccountList } from './accounts.ts';
import { AuditEntry, AuditPage } from './audit.ts';
import { CopyDestination, CopyRequest } from './copy-request.ts';
import { DestinationSelection } from './destination-selection.ts';
import { EventDestination, JobEvent } from './event.ts';
import { Alive, Check, Health } from './health.ts';
import { Image, ImageReference, NamedImage } from './image.ts';
import { Delivery, Destination, Failure, Job, JobPage, Warning } from './job.ts';
import { Lineage, Relative } from './lineage.ts';
import {
  PermissionInput,
  PermissionPatch,
  PermissionPut,
  Permissions,
  PermissionState,
} from './permissions.ts';
import { Problem } from './problem.ts';

/** All components of the OpenAPI document: every schema that a `ref` names must be in this list. */
export const COMPONENTS: readonly Component[] = [
  CopyRequest,
  CopyDestination,
  DestinationSelection,
  Job,
  JobPage,
  Destination,
  Delivery,
  Failure,
  JobEvent,
  EventDestination,
  Image,
  ImageReference,
  NamedImage,
  Lineage,
  Relative,
  Warning,
  Permissions,
  PermissionInput,
  PermissionPut,
  PermissionPatch,
  PermissionState,
  AccountList,
  Account,
  AccountCheck,
  AccountFinding,
  AuditPage,
  AuditEntry,
  Health,
  Check,
  Alive,
  Problem,
];
