using System;
using UnityEditor;
using UnityEngine;

namespace Sterna.Editor
{
    /// <summary>
    /// The inspector of a <see cref="SternaBehaviour"/>: its settings, and while playing how the client does, with buttons
    /// that need a server on this machine.
    /// </summary>
    [CustomEditor(typeof(SternaBehaviour))]
    public class SternaBehaviourEditor : UnityEditor.Editor
    {
        private const string AddressKey = "Sterna.DevServer";
        private const string UserKey = "Sterna.User";
        private const int DeadlineSeconds = 20;

        private string message = string.Empty;

        /// <summary>Figures change all the time.</summary>
        public override bool RequiresConstantRepaint()
        {
            return Application.isPlaying;
        }

        /// <summary>Draws all of it.</summary>
        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            var behaviour = (SternaBehaviour)target;
            if (!Application.isPlaying)
            {
                EditorGUILayout.HelpBox("Press Play: here stands then how the client does.", MessageType.Info);
                return;
            }
            EditorGUILayout.Space();
            if (behaviour.HasClient)
            {
                DrawClient(behaviour.Client);
            }
            EditorGUILayout.Space();
            DrawServer(behaviour);
            if (message.Length > 0)
            {
                EditorGUILayout.HelpBox(message, MessageType.Warning);
            }
        }

        private static void DrawClient(SternaClient client)
        {
            SternaStats stats = client.Stats;
            EditorGUILayout.LabelField("State", client.State + (client.IsOffline ? ", node offline" : string.Empty));
            EditorGUILayout.LabelField("Node", client.Node);
            EditorGUILayout.LabelField("Round trip", Milliseconds(stats.RttUs) + " (least " + Milliseconds(stats.RttMinUs) + ")");
            EditorGUILayout.LabelField("Moves", stats.Moves + " (" + stats.MovesFailed + " failed)");
            EditorGUILayout.LabelField("Last move", Milliseconds(stats.LastMoveGapUs) + " between two messages");
            EditorGUILayout.LabelField("Reconnects", stats.Reconnects.ToString());
            EditorGUILayout.LabelField("Messages", stats.MessagesSent + " sent, " + stats.MessagesReceived + " received");
            EditorGUILayout.LabelField("Waiting", stats.SendQueueBytes + " B to send, " + stats.EventQueueBytes + " B received");
            if (client.Room.Id != 0)
            {
                EditorGUILayout.LabelField("Room", client.Room.Id.ToString("x16") + ", " + client.Room.MemberCount +
                                                   " members" + (client.Room.IsOwner ? ", owner" : string.Empty));
            }
        }

        private void DrawServer(SternaBehaviour behaviour)
        {
            string address = EditorPrefs.GetString(AddressKey, DevServer.DefaultAddress);
            string user = EditorPrefs.GetString(UserKey, "player-1");
            EditorGUI.BeginChangeCheck();
            address = EditorGUILayout.TextField("Development server", address);
            user = EditorGUILayout.TextField("User", user);
            if (EditorGUI.EndChangeCheck())
            {
                EditorPrefs.SetString(AddressKey, address);
                EditorPrefs.SetString(UserKey, user);
            }
            bool connected = behaviour.HasClient && behaviour.Client.Node.Length > 0;
            using (new EditorGUI.DisabledScope(connected))
            {
                if (GUILayout.Button("Connect with a development token"))
                {
                    Try(() => Check(behaviour.Client, behaviour.Client.Connect(new DevServer(address).Token(user))));
                }
            }
            using (new EditorGUI.DisabledScope(!connected))
            {
                if (GUILayout.Button("Simulate scale-in"))
                {
                    Try(() => new DevServer(address).ScaleIn(
                        behaviour.Client.Node, TimeSpan.FromSeconds(DeadlineSeconds)));
                }
                if (GUILayout.Button("Disconnect"))
                {
                    Try(() => Check(behaviour.Client, behaviour.Client.Disconnect()));
                }
            }
        }

        private void Try(Action action)
        {
            message = string.Empty;
            try
            {
                action();
            }
            catch (SternaException error)
            {
                message = error.Message;
            }
        }

        private static void Check(SternaClient client, SternaResult result)
        {
            if (result != SternaResult.Ok)
            {
                throw new SternaException(result, client.LastError);
            }
        }

        private static string Milliseconds(ulong microseconds)
        {
            return (microseconds / 1000.0).ToString("0.0") + " ms";
        }
    }
}
