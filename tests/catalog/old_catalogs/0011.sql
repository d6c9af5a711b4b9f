BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE annotations (
	annotation_id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	step BIGINT NOT NULL, 
	end_step BIGINT, 
	label TEXT NOT NULL, 
	text TEXT NOT NULL, 
	author TEXT NOT NULL, 
	color TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_annotations PRIMARY KEY (annotation_id), 
	CONSTRAINT fk_annotations_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "annotations" VALUES(1,'run-ü',1,3,NULL,'','look','','','2026-11-22 17:11:11.343563','2026-11-22 17:11:11.343563');
CREATE TABLE episode_tags (
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	tag TEXT NOT NULL, 
	CONSTRAINT pk_episode_tags PRIMARY KEY (run_id, episode_id, tag), 
	CONSTRAINT fk_episode_tags_run_id_episode_id FOREIGN KEY(run_id, episode_id) REFERENCES episodes (run_id, episode_id) ON DELETE CASCADE
);
INSERT INTO "episode_tags" VALUES('run-ü',1,'nice');
CREATE TABLE "episodes" (
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	play_id BIGINT NOT NULL, 
	lane INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	reasons TEXT NOT NULL, 
	why TEXT NOT NULL, 
	n_steps BIGINT NOT NULL, 
	n_missing_steps BIGINT NOT NULL, 
	survival_steps BIGINT NOT NULL, 
	total_reward DOUBLE NOT NULL, 
	extrinsic_reward DOUBLE NOT NULL, 
	intrinsic_reward DOUBLE NOT NULL, 
	curriculum_stage INTEGER, 
	epsilon DOUBLE, 
	intrinsic_weight DOUBLE, 
	timestamp DOUBLE NOT NULL, 
	env_steps BIGINT, 
	started_unix_nanos BIGINT, 
	finished_unix_nanos BIGINT NOT NULL, 
	n_bytes BIGINT NOT NULL, 
	replaced_plays INTEGER NOT NULL, 
	written_at DATETIME, 
	stream_dropped_at DATETIME, 
	attempts INTEGER NOT NULL, 
	not_before DATETIME, 
	leased_until DATETIME, 
	parked BOOLEAN NOT NULL, 
	error TEXT, metrics TEXT, 
	CONSTRAINT pk_episodes PRIMARY KEY (run_id, episode_id), 
	CONSTRAINT fk_episodes_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "episodes" VALUES('run-ü',1,1,0,'complete','kept','["periodic_100","top_10.0pct"]','[{"criterion":"periodic","keep":true,"value":1,"threshold":100,"detail":""}]',0,0,0,12.5,0.0,0.0,1,0.0,0.0,0.0,0,0,1000000000,0,0,'2026-05-01 12:00:00.000000',NULL,0,NULL,NULL,0,NULL,NULL);
INSERT INTO "episodes" VALUES('run-ü',2,1,0,'complete','skipped','[]','[]',0,0,0,'NaN',0.0,0.0,NULL,NULL,NULL,0.0,NULL,NULL,2000000000,0,0,NULL,NULL,0,NULL,NULL,0,NULL,NULL);
CREATE TABLE installation (
	row_id INTEGER NOT NULL, 
	installation_id TEXT NOT NULL, 
	founded_path TEXT NOT NULL, 
	path TEXT NOT NULL, 
	file_number BIGINT NOT NULL, host TEXT, 
	CONSTRAINT pk_installation PRIMARY KEY (row_id)
);
INSERT INTO "installation" VALUES(1,'0123456789abcdef','/data/catalog.db','/data/catalog.db',77,'trainer-1');
CREATE TABLE recording_agents (
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	agent_id TEXT NOT NULL, 
	team TEXT NOT NULL, 
	agent_group BIGINT NOT NULL, 
	slot BIGINT NOT NULL, 
	first_step BIGINT NOT NULL, 
	last_step BIGINT NOT NULL, 
	total_reward DOUBLE NOT NULL, 
	n_steps BIGINT NOT NULL, 
	outcome TEXT NOT NULL, 
	CONSTRAINT pk_recording_agents PRIMARY KEY (run_id, episode_id, agent_id), 
	CONSTRAINT fk_recording_agents_run_id_episode_id FOREIGN KEY(run_id, episode_id) REFERENCES recordings (run_id, episode_id) ON DELETE CASCADE
);
INSERT INTO "recording_agents" VALUES('run-ü',1,'red_0','red',0,0,0,4,2.5,5,'terminated');
INSERT INTO "recording_agents" VALUES('run-ü',1,'blue_0','',0,1,2,4,1.0,3,'');
CREATE TABLE recording_reasons (
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_recording_reasons PRIMARY KEY (run_id, episode_id, reason), 
	CONSTRAINT fk_recording_reasons_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "recording_reasons" VALUES('run-ü',1,'periodic_100');
INSERT INTO "recording_reasons" VALUES('run-ü',1,'top_10.0pct');
CREATE TABLE "recordings" (
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	survival_steps BIGINT NOT NULL, 
	total_reward DOUBLE NOT NULL, 
	curriculum_stage INTEGER, 
	recording_reason TEXT NOT NULL, 
	timestamp DOUBLE NOT NULL, 
	file_path TEXT NOT NULL, 
	file_size_bytes BIGINT NOT NULL, 
	compressed_size_bytes BIGINT NOT NULL, 
	lane INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	n_steps BIGINT NOT NULL, 
	content_hash TEXT NOT NULL, 
	format_version INTEGER NOT NULL, 
	epsilon DOUBLE, 
	env_steps BIGINT, 
	recorded_at DATETIME, 
	play_id BIGINT, 
	reasons TEXT NOT NULL, seed TEXT, 
	CONSTRAINT pk_recordings PRIMARY KEY (run_id, episode_id), 
	CONSTRAINT fk_recordings_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "recordings" VALUES('run-ü',1,0,0.0,1,'periodic_100',1.0,'run-ü/episode_000001.msgpack.lz4',0,0,0,'complete',0,'',2,0.0,0,'2026-05-01 12:00:00.000000',NULL,'["periodic_100","top_10.0pct"]',NULL);
CREATE TABLE runs (
	run_id TEXT NOT NULL, 
	config TEXT, 
	host TEXT, 
	started_unix_nanos BIGINT, 
	cursor TEXT NOT NULL, 
	criteria_state TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_activity_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	n_refused BIGINT NOT NULL, 
	n_late_keeps BIGINT NOT NULL, 
	n_episodes BIGINT NOT NULL, seen_at DATETIME, 
	CONSTRAINT pk_runs PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('run-ü',NULL,NULL,NULL,'1-0','{"periodic":{"seen":[1,2]}}','2026-05-01 12:00:00.000000','2026-05-01 12:00:00.000000',NULL,0,0,2,NULL);
CREATE TABLE video_segments (
	video_id TEXT NOT NULL, 
	segment_index INTEGER NOT NULL, 
	first_frame BIGINT NOT NULL, 
	n_frames BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	leased_until DATETIME, 
	file_path TEXT, 
	error TEXT, 
	CONSTRAINT pk_video_segments PRIMARY KEY (video_id, segment_index), 
	CONSTRAINT fk_video_segments_video_id FOREIGN KEY(video_id) REFERENCES videos (video_id) ON DELETE CASCADE
);
INSERT INTO "video_segments" VALUES('83b0c20ea9397f2fa44fbc1a1547e9be',0,0,5,'queued',0,NULL,NULL,NULL);
CREATE TABLE videos (
	video_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	episode_id BIGINT NOT NULL, 
	options TEXT NOT NULL, 
	state TEXT NOT NULL, 
	n_frames_done BIGINT NOT NULL, 
	n_frames_total BIGINT NOT NULL, 
	n_segments_done INTEGER NOT NULL, 
	n_segments_total INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	file_path TEXT, 
	file_size_bytes BIGINT, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	not_before DATETIME, 
	leased_until DATETIME, 
	asked_by TEXT DEFAULT '' NOT NULL, 
	turn INTEGER DEFAULT '0' NOT NULL, note TEXT, 
	CONSTRAINT pk_videos PRIMARY KEY (video_id), 
	CONSTRAINT fk_videos_run_id FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "videos" VALUES('83b0c20ea9397f2fa44fbc1a1547e9be','run-ü',1,'{"dpi":150}','queued',0,5,0,1,0,NULL,NULL,NULL,'2026-05-01 12:00:00.000000',NULL,NULL,NULL,NULL,'a client',0,NULL);
CREATE INDEX ix_annotations_episode ON annotations (run_id, episode_id, step);
CREATE INDEX ix_recording_reasons_reason ON recording_reasons (reason, run_id, episode_id);
CREATE INDEX ix_videos_episode ON videos (run_id, episode_id);
CREATE INDEX ix_videos_state ON videos (state, created_at);
CREATE INDEX ix_episode_tags_tag ON episode_tags (tag);
CREATE INDEX ix_episodes_length ON episodes (survival_steps, finished_unix_nanos, run_id, episode_id, total_reward, curriculum_stage, lane, status, decision);
CREATE INDEX ix_episodes_uncommon ON episodes (status, finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, curriculum_stage, lane, decision) WHERE status <> 'complete';
CREATE INDEX ix_episodes_given_up ON episodes (run_id, episode_id) WHERE parked;
CREATE INDEX ix_episodes_stage ON episodes (curriculum_stage, finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, lane, status, decision);
CREATE INDEX ix_episodes_run ON episodes (run_id, finished_unix_nanos, episode_id, total_reward, survival_steps, curriculum_stage, lane, status, decision);
CREATE INDEX ix_episodes_summary ON episodes (run_id, decision, status, n_steps, n_missing_steps, n_bytes);
CREATE INDEX ix_episodes_episode_id ON episodes (episode_id, run_id, finished_unix_nanos, total_reward, survival_steps, curriculum_stage, lane, status, decision);
CREATE INDEX ix_episodes_kept ON episodes (finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, curriculum_stage, lane, status, decision, written_at) WHERE decision <> 'skipped';
CREATE INDEX ix_episodes_finished ON episodes (finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, curriculum_stage, lane, status, decision);
CREATE INDEX ix_episodes_lane ON episodes (lane, finished_unix_nanos, run_id, episode_id, total_reward, survival_steps, curriculum_stage, status, decision);
CREATE INDEX ix_episodes_reward ON episodes (total_reward, finished_unix_nanos, run_id, episode_id, survival_steps, curriculum_stage, lane, status, decision);
CREATE INDEX ix_episodes_in_stream ON episodes (run_id, episode_id) WHERE stream_dropped_at IS NULL;
CREATE INDEX ix_episodes_unwritten ON episodes (decision, parked, finished_unix_nanos) WHERE decision = 'kept' AND written_at IS NULL;
CREATE INDEX ix_recordings_reward ON recordings (total_reward, run_id, episode_id);
CREATE INDEX ix_recordings_stage ON recordings (curriculum_stage, timestamp);
CREATE INDEX ix_recordings_episode ON recordings (episode_id);
CREATE INDEX ix_recordings_timestamp ON recordings (timestamp, run_id, episode_id);
CREATE INDEX ix_recording_agents_agent ON recording_agents (agent_id, run_id, episode_id);
CREATE INDEX ix_recordings_seed ON recordings (seed, run_id, episode_id);
COMMIT;
